# shellcheck shell=bash
# Two transistors by a textbook's equation (Enz, Krummenacher and Vittoz, 1995), as silicon's tables have
# them: p-channel's voltages and currents times -1. write_transistors FOLDER makes transistors.csv there,
# and transistors.toml, a run of seconds.
#   id = 2 n K (W / L) u^2 (ln^2(1 + e^(p / 2u)) - ln^2(1 + e^((p - vds) / 2u))),  p = (vgs - vt + 0.2 vbs) / n
write_transistors() {
  awk 'BEGIN {
    print "task,split,W_um,L_um,vgs,vds,vbs,id"
    n = 1.3; u = 0.0259; k["nfet"] = 2e-4; k["pfet"] = 6e-5; vt["nfet"] = 0.45; vt["pfet"] = 0.5
    for (type in k) for (w = 1; w <= 2; ++w) for (l = 0; l < 2; ++l)
      for (g = 0; g <= 18; g += 1.5) for (d = 1; d <= 18; d += 2) for (b = 0; b <= 1; ++b) {
        length_um = l ? 0.5 : 0.15
        p = (g / 10 - vt[type] - 0.2 * 0.9 * b) / n
        i = 2 * n * k[type] * w / length_um * u * u * \
            (log(1 + exp(p / 2 / u)) ^ 2 - log(1 + exp((p - d / 10) / 2 / u)) ^ 2)
        row = row + 1
        printf "%s,%s,%g,%g,%g,%g,%g,%.9g\n", type, (row % 10 == 3 ? "val" : row % 10 == 7 ? "test" : "train"),
          w, length_um, g / 10, d / 10, -0.9 * b, i
      }
  }' >"$1/transistors.csv"
  cat >"$1/transistors.toml" <<'RUN'
name = "transistors"
sharing = "hard"
[model]
trunk = "mlp"
hidden = 16
blocks = 2
activation = "silu"
norm = "none"
[data]
kind = "tabular"
root = "."
index = "transistors.csv"
task_column = "task"
split = "split"
columns = ["W_um", "L_um", "vgs", "vds", "vbs"]
inputs = "per-task"
batch = 64
workers = 0
[[column]]
name = "vgs"
scale = 1.5
standardize = false
[[column]]
name = "vds"
transform = "asinh"
scale = 0.3
standardize = false
[[column]]
name = "vbs"
scale = 2
standardize = false
[[column]]
name = "W_um"
transform = "reciprocal"
scale = 0.25
standardize = false
[[column]]
name = "L_um"
transform = "reciprocal"
scale = 0.25
standardize = false
[[task]]
name = "id"
kind = "regression"
column = "id"
unit = "A"
target = "log10(id * L_um / W_um / vds)"
standardize = true
floor = 1e-12
[retrain]
steps = 800
optimizer = { kind = "adam", lr = 5e-3, betas = [0.9, 0.999], weight_decay = 0 }
schedule = { kind = "cosine", warmup = 50 }
[eval]
every = 400
RUN
}
