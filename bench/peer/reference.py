"""AdaShare's training step (Sun et al., NeurIPS 2020) in plain PyTorch, for checking and studying.

Every function takes tensors and returns tensors; parameters are a dict under torchvision's names.
K tasks are K separate passes through the trunk, in task order, which is the definition that weft's
planned step has to equal: in values, in gradients and in batch norm's running statistics.

Sizes: images [N, C, H, W], outputs [N, C_k, h, w], logits and gates [L, 2] (select, skip).
`run` is a resolved run file as tomllib reads it; `step` says what kind of step it is:
    {"phase": "warmup" | "weights" | "policy" | "retrain", "step": key of the noise,
     "temperature": tau, "active": blocks under the policy, "factor": on the learning rates}
"""
import torch
import torch.nn.functional as F

relu = F.relu  # flips.py puts another in its place, to study units whose input is nearly 0
LAYERS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3),
          "resnet101": (3, 4, 23, 3)}


# ---- the trunk -----------------------------------------------------------------------------------
def blocks_of(run):
    """One dict a residual block: its name, stride, dilation, and whether its shortcut is a conv."""
    model, blocks = run["model"], []
    bottleneck = model["trunk"] in ("resnet50", "resnet101")
    dilated = model["form"] == "deeplab"
    strides = (1, 2, 1, 1) if dilated else (1, 2, 2, 2)
    dilations = (1, 1, 2, 4) if dilated else (1, 1, 1, 1)
    for stage, count in enumerate(LAYERS[model["trunk"]]):
        for b in range(count):
            first = b == 0
            blocks.append({
                "name": f"layer{stage + 1}.{b}",
                "stride": strides[stage] if first else 1,
                "dilation": dilations[stage],
                "shortcut": first and (stage > 0 or bottleneck),
                "bottleneck": bottleneck,
                # Where a bottleneck strides: its 3x3 as torchvision's, or its first 1x1.
                "stride_first": dilated and run["semantics"] == "compat"})
    return blocks


def own_norms(run, what="running"):
    """Whether a trunk that tasks share keeps batch norm's statistics (affine: its weight and bias
    too) for each task, as DomainNet's branch of AdaShare."""
    kept = run["model"].get("bn", {}).get(what, "shared")
    return run["sharing"] != "single" and kept == "per-task"


def small_stem(run):
    return run["model"].get("stem") == "small"


class Trunk:
    def __init__(self, run, parameters, statistics, prefix="", task=None):
        self.task = task if own_norms(run) else None
        self.own_affine = own_norms(run, "affine")
        self.blocks, self.dilated = blocks_of(run), run["model"]["form"] == "deeplab"
        self.small = small_stem(run)
        self.p, self.statistics, self.prefix = parameters, statistics, prefix

    def conv(self, x, name, stride=1, dilation=1):
        weight = self.p[self.prefix + name + ".weight"]
        return F.conv2d(x, weight, None, stride, dilation * (weight.shape[2] // 2), dilation)

    def norm(self, x, name):
        """Statistics of this batch; the running ones move by 0.1, the variance unbiased."""
        name = self.prefix + name
        own = f"{name}.{self.task}" if self.task else name
        mean, var = self.statistics[own + ".running_mean"], self.statistics[own + ".running_var"]
        self.statistics[own + ".num_batches_tracked"] += 1
        affine = own if self.own_affine else name
        weight, bias = self.p[affine + ".weight"], self.p[affine + ".bias"]
        return F.batch_norm(x, mean, var, weight, bias, training=True, momentum=0.1, eps=1e-5)

    def stem(self, images):
        x = relu(self.norm(self.conv(images, "conv1", stride=1 if self.small else 2), "bn1"))
        return x if self.small else F.max_pool2d(x, 3, 2, 1, ceil_mode=self.dilated)

    def shortcut(self, block, x):
        if not block["shortcut"]:
            return x
        name = block["name"] + ".downsample."
        return self.norm(self.conv(x, name + "0", block["stride"]), name + "1")

    def residual(self, block, x):
        """F(x), without the sum and the ReLU that follow it."""
        name, stride, dilation = block["name"], block["stride"], block["dilation"]
        if block["bottleneck"]:
            early, late = (stride, 1) if block["stride_first"] else (1, stride)
            x = relu(self.norm(self.conv(x, name + ".conv1", early), name + ".bn1"))
            x = relu(self.norm(self.conv(x, name + ".conv2", late, dilation), name + ".bn2"))
            return self.norm(self.conv(x, name + ".conv3"), name + ".bn3")
        x = relu(self.norm(self.conv(x, name + ".conv1", stride, dilation), name + ".bn1"))
        return self.norm(self.conv(x, name + ".conv2", 1, dilation), name + ".bn2")

    def __call__(self, images, gates=None, really_skip=False):
        """x' = f p_select + r p_skip with f = ReLU(r + F(x)); no gates: every block, x' = f.
        really_skip: gates are 0 or 1, and a block with p_select = 0 does not run at all."""
        x = self.stem(images)
        for l, block in enumerate(self.blocks):
            r = self.shortcut(block, x)
            if really_skip and gates[l, 0] == 0:
                x = r
                continue
            f = relu(r + self.residual(block, x))
            x = f if gates is None else f * gates[l, 0] + r * gates[l, 1]
        return x


# ---- heads ---------------------------------------------------------------------------------------
def dropout(x, rate, mask):
    return x if mask is None else x * mask / (1 - rate)


def head(run, task, parameters, x, masks):
    """aspp: four dilated branches, summed. linear: a 1x1 conv, or mean and a linear layer."""
    name, image_label = f"heads.{task['name']}.", is_image_label(task)
    if image_label or run["model"]["head"] == "linear":
        weight, bias = parameters[name + "fc.weight"], parameters[name + "fc.bias"]
        if image_label:
            return F.linear(x.mean(dim=(2, 3)), weight, bias)[:, :, None, None]
        return F.conv2d(x, weight, bias)
    total = 0
    for b, dilation in enumerate((6, 12, 18, 24)):
        def conv(y, index, branch=f"{name}aspp{b}.", **how):
            part = f"{branch}conv{index}."
            return F.conv2d(y, parameters[part + "weight"], parameters[part + "bias"], **how)
        y = relu(conv(x, 1, padding=dilation, dilation=dilation))
        y = dropout(y, run["model"]["dropout"], masks.get(f"{name}aspp{b}.drop1"))
        y = dropout(relu(conv(y, 2)), run["model"]["dropout"], masks.get(f"{name}aspp{b}.drop2"))
        total = total + conv(y, 3)
    return total


# ---- losses --------------------------------------------------------------------------------------
def is_image_label(task):
    return task["kind"] in ("classification", "binary", "regression", "multilabel")


def stride_of(run):
    """Pixels from one output to the next. Kernels 7, 3 and 1 are padded by half of them, so output i
    looks at pixel i * stride."""
    stride = 1 if small_stem(run) else 4
    for block in blocks_of(run):
        stride *= block["stride"]
    return stride


def labels_at(run, target, height, width):
    """sound: the label of the pixel that each output looks at, the last one where it looks past the
    edge; compat: nearest, index floor(i in / out)."""
    def along(outputs, labels):
        if run["semantics"] == "compat":
            return torch.arange(outputs) * labels // outputs
        return (torch.arange(outputs) * stride_of(run)).clamp(max=labels - 1)

    return target[:, :, along(height, target.shape[2])][:, :, :, along(width, target.shape[3])]


def loss(run, task, output, target):
    """The mean over pixels with a label (NaN = none); None where there is no such pixel."""
    kind = task["kind"]
    labels = labels_at(run, target, *output.shape[2:]).permute(0, 2, 3, 1).flatten(0, 2)
    values = output.permute(0, 2, 3, 1).flatten(0, 2)
    valid = ~labels.isnan().any(dim=1)
    if kind == "depth":
        valid &= labels[:, 0] > (3e-5 if run["semantics"] == "compat" else 0)
    if kind == "normals":
        valid &= labels.norm(dim=1) > 0
    if not valid.any():
        return None
    labels, values = labels[valid], values[valid]
    if kind in ("segmentation", "classification"):
        weights = task.get("class_weights") or None
        weights = weights and torch.tensor(weights, dtype=values.dtype)
        return F.cross_entropy(values, labels[:, 0].long(), weights)
    if kind == "normals":
        return 1 - (F.normalize(values, dim=1) * F.normalize(labels, dim=1)).sum(dim=1).mean()
    if kind in ("binary", "multilabel"):
        weight = torch.tensor(task.get("pos_weight", 1.0), dtype=values.dtype)
        return F.binary_cross_entropy_with_logits(values, labels, pos_weight=weight)
    if kind == "regression":
        return F.mse_loss(values, labels)
    apart = values - labels  # depth, edges, keypoints: the mean of |apart|, its kink a ReLU's
    return (2 * relu(apart) - apart).mean()


# ---- the policy ----------------------------------------------------------------------------------
def first_row(run, logits, active):
    """Of the rows of logits [n, 2], those of `active` blocks begin here."""
    return 0 if run["policy"].get("curriculum_from") == "first" else len(logits) - active


def sample_gates(run, logits, uniforms, temperature, active, blocks):
    """softmax((logits + g) / tau) with g = -log(-log U); hard: one-hot, with that softmax's
    gradient. Only the `active` of the blocks use it, the others are executed; the logits are of
    the last blocks, those after policy.skip_layer."""
    gumbel = -torch.log(-torch.log(uniforms.double()))
    gates = torch.softmax((logits + gumbel.to(logits.dtype)) / temperature, dim=1)
    if run["policy"]["hard"]:
        one_hot = F.one_hot(gates.argmax(dim=1), 2).to(gates.dtype)
        gates = one_hot + (gates - gates.detach())
    first = first_row(run, logits, active)
    before = blocks - len(logits) + first

    def executed(rows):
        return torch.tensor([[1.0, 0.0]], dtype=gates.dtype).repeat(rows, 1)

    return torch.cat([executed(before), gates[first:first + active],
                      executed(blocks - before - active)])


def sparsity_loss(run, logits, active):
    """log-skip: sum over tasks of the mean over active blocks of -log p_skip (the official code);
    log-skip-depth: block l, from 0, weighed by 2 (l + 1) / L.
    log-select: the sum over tasks and active blocks of log p_select (the paper)."""
    first = first_row(run, logits[0], active)
    log_p = [torch.log_softmax(z, dim=1)[first:first + active] for z in logits]
    if run["policy"]["sparsity_form"] == "log-select":
        return sum(p[:, 0].sum() for p in log_p)
    if run["policy"]["sparsity_form"] == "log-skip-depth":
        l = torch.arange(first, first + active, dtype=logits[0].dtype)
        return sum(-(2 * (l + 1) / len(logits[0]) * p[:, 1]).mean() for p in log_p)
    return sum(-p[:, 1].mean() for p in log_p)


def sharing_loss(run, logits):
    """Sum over pairs of tasks and all L blocks of w_l |u_i - u_j|. sound: u = p_select and
    w = (L - l) / L, l from 0; compat: u = the raw select logit and w = (l + 1) / L."""
    compat, blocks = run["semantics"] == "compat", len(logits[0])
    u = [z[:, 0] if compat else torch.softmax(z, dim=1)[:, 0] for z in logits]
    l = torch.arange(blocks, dtype=logits[0].dtype)
    w = (l + 1 if compat else blocks - l) / blocks
    if not run["policy"]["depth_weights"]:
        w = torch.ones_like(w)
    total = 0 * u[0].sum()
    for i in range(len(u)):
        for j in range(i + 1, len(u)):
            total = total + (w * (u[i] - u[j]).abs()).sum()
    return total


# ---- the step ------------------------------------------------------------------------------------
def part_of(name):
    return name.split(".")[0] if name.startswith(("heads.", "policy.")) else "trunk"


def trained_in(phase, name):
    """The policy phase trains the logits, every other one everything else."""
    return (part_of(name) == "policy") == (phase == "policy")


def task_gates(run, step, parameters, uniforms, drawn):
    """Per task the gate values [L, 2], or None where every block runs for everybody."""
    names = [task["name"] for task in run["task"]]
    if run["sharing"] != "adashare" or step["phase"] == "warmup":
        return [None] * len(names)
    if step["phase"] == "retrain":
        return [drawn[name] for name in names]
    return [sample_gates(run, parameters["policy." + name], uniforms["policy." + name],
                         step["temperature"], step["active"], len(blocks_of(run)))
            for name in names]


def forward(run, step, parameters, statistics, images, gates, masks):
    """Outputs by task; moves `statistics`. images: one tensor, or a dict with one a task."""
    def trunk(prefix="", task=None):
        return Trunk(run, parameters, statistics, prefix, task)
    # In sound, what a constant 0/1 gate skips does not run, so batch norm does not see it; the
    # official code multiplies by 0. Logits need f for their gradient, hard samples or not.
    binary = step["phase"] == "retrain" or (step["phase"] == "weights" and run["policy"]["hard"])
    really_skip = binary and run["semantics"] == "sound"
    one_pass = not isinstance(images, dict) and not own_norms(run)
    outputs, shared = {}, None
    for task, p in zip(run["task"], gates):
        name = task["name"]
        x = images[name] if isinstance(images, dict) else images
        if run["sharing"] == "single":
            features = trunk(f"trunks.{name}.")(x)
        elif p is None and one_pass:
            features = shared = trunk()(x) if shared is None else shared
        else:
            features = trunk(task=name)(x, p, really_skip)
        outputs[name] = head(run, task, parameters, features, masks)
    return outputs


def losses_of(run, step, parameters, outputs, targets):
    """Losses by task name, "sparsity", "sharing" and their weighted sum "total"."""
    out, total = {}, 0
    for task in run["task"]:
        value = loss(run, task, outputs[task["name"]], targets[task["name"]])
        if value is not None:
            out[task["name"]] = value
            total = total + task["weight"] * value
    if step["phase"] == "policy":
        logits = [parameters["policy." + task["name"]] for task in run["task"]]
        out["sparsity"] = sparsity_loss(run, logits, step["active"])
        out["sharing"] = sharing_loss(run, logits)
        total = total + run["policy"]["sparsity"] * out["sparsity"]
        total = total + run["policy"]["sharing"] * out["sharing"]
    if out:
        out["total"] = total
    return out


def optimizer_step(run, step, parameters, state):
    """One step of PyTorch's own optimiser on parameters that have a gradient. `state` by parameter
    name: {"exp_avg", "exp_avg_sq", "step"} or {"momentum_buffer", "step"}; nothing before the first
    step."""
    phase = step["phase"]
    table = run["policy"] if phase in ("weights", "policy") else run[phase]
    # The logits have an optimiser and a clip of their own, and a constant rate.
    how = table["logits"] if phase == "policy" else table["optimizer"]
    clip = table["logits"]["clip_norm"] if phase == "policy" else table["clip_norm"]
    factor = 1.0 if phase == "policy" else step["factor"]
    groups = {}
    for name, p in parameters.items():
        if p.grad is not None:
            trunk = part_of(name) == "trunk"
            rate = how.get("trunk_lr", how["lr"]) if trunk else how["lr"]
            groups.setdefault(rate * factor, []).append(name)
    if not groups:
        return {}
    listed = [{"params": [parameters[name] for name in names], "lr": rate}
              for rate, names in groups.items()]
    if how["kind"] == "adam":
        optimizer = torch.optim.Adam(listed, betas=tuple(how["betas"]), eps=how["eps"],
                                     weight_decay=how["weight_decay"])
    else:
        optimizer = torch.optim.SGD(listed, lr=how["lr"], momentum=how["momentum"],
                                    weight_decay=how["weight_decay"])
    for name, entries in state.items():
        optimizer.state[parameters[name]] = {key: t.clone() for key, t in entries.items()}
    if clip > 0:
        torch.nn.utils.clip_grad_norm_([p for group in listed for p in group["params"]], clip)
    decayed = {name: p.grad + how["weight_decay"] * p for name, p in parameters.items()
               if p.grad is not None}
    optimizer.step()
    after = {name: dict(optimizer.state[p]) for name, p in parameters.items()
             if p in optimizer.state}
    if how["kind"] == "sgd":  # PyTorch counts no updates here, nor keeps a buffer without momentum
        for name, gradient in decayed.items():
            entries = after.setdefault(name, {})
            entries["step"] = state.get(name, {}).get("step", torch.tensor(0.0)) + 1
            if how["momentum"] == 0:
                entries["momentum_buffer"] = gradient
    return after


class Step:
    """All of one training step: the arguments go in, and what the dump shows comes out. The
    optimiser takes `gradients` where they are given, else those computed here."""

    def __init__(self, run, step, dtype, parameters, statistics, optimizer_state, images, targets,
                 uniforms, drawn, masks, gradients=None):
        def cast(tree):
            if isinstance(tree, dict):
                return {key: cast(value) for key, value in tree.items()}
            return tree.detach().clone().to(dtype) if tree.is_floating_point() else tree.clone()
        self.parameters = cast(parameters)
        for name, p in self.parameters.items():
            p.requires_grad_(trained_in(step["phase"], name))
        self.statistics = cast(statistics)
        self.gates = task_gates(run, step, self.parameters, uniforms, cast(drawn))
        self.outputs = forward(run, step, self.parameters, self.statistics, cast(images),
                               self.gates, {k: m.to(dtype) for k, m in masks.items()})
        self.losses = losses_of(run, step, self.parameters, self.outputs, cast(targets))
        if self.losses:
            self.losses["total"].backward()
        self.gradients = {name: p.grad.clone() for name, p in self.parameters.items()
                          if p.grad is not None}
        for name, gradient in (gradients or {}).items():
            self.parameters[name].grad = cast(gradient)
        with torch.no_grad():
            self.optimizer_state = optimizer_step(run, step, self.parameters,
                                                  cast(optimizer_state))
