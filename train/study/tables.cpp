// Everything a table shows is a quantity of a run, so that tables and CSVs cannot disagree.
#include "train/study/tables.h"

#include <algorithm>
#include <cmath>

#include "train/step/choice.h"
#include "train/study/lines.h"
#include "train/study/run_table.h"

namespace weft {
namespace {

/// One number of one run; of a task, or (empty) of the whole.
struct Quantity {
  std::string task, name;
  Measure value;
};

std::vector<Quantity> quantities(const RunSummary& run, const RunSummary* single) {
  std::vector<Quantity> out;
  std::vector<Measure> losses;
  for (const TaskResult& r : run.results) {
    out.push_back({r.task, "loss", r.loss});
    if (r.constant) out.push_back({r.task, constant_loss, r.constant});
    for (const Metric& m : r.metrics) out.push_back({r.task, m.name, m.value});
    losses.push_back(r.loss);
  }
  for (const std::string& name : common_metrics(run.results)) {
    std::vector<Measure> values;
    for (const TaskResult& r : run.results)
      for (const Metric& m : r.metrics)
        if (m.name == name) values.push_back(m.value);
    out.push_back({"", "mean_" + name, spread_of(values).mean});
  }
  out.push_back({"", "mean_loss", spread_of(losses).mean});
  if (single != nullptr) {
    const Delta d = delta(metrics_of(run), metrics_of(*single));
    for (size_t k = 0; k < d.tasks.size(); ++k)
      out.push_back({run.tasks[k], "delta_percent", d.tasks[k]});
    out.push_back({"", "delta_t_percent", d.overall});
  }
  const auto add = [&](const char* name, auto value) {
    out.push_back({"", name, static_cast<double>(value)});
  };
  add("trunk_parameters", run.trunk_parameters);
  add("trunk_parameters_of_one", run.trunk_parameters_of_one);
  add("head_parameters", run.head_parameters);
  add("trunk_gflop", run.trunk_gflop);
  if (run.trunk_gflop_spread > 0) add("trunk_gflop_spread", run.trunk_gflop_spread);
  add("heads_gflop", run.heads_gflop);
  if (run.cosine) add("mean_cosine", *run.cosine);
  add("steps", run.steps);
  add("tested_step", run.tested_step());
  add("seconds", seconds_of(run));
  add("peak_bytes", run.peak_bytes);
  return out;
}

/// The single-task method's run with a seed; null: there is none.
const RunSummary* single_run(const StudyResult& result, int64_t seed) {
  for (const StudyRow& row : result.rows) {
    if (row.sharing != Sharing::single) continue;
    for (const RunSummary& run : row.runs)
      if (run.seed == seed) return &run;
    break;  // Delta_T is against the first single-task method alone
  }
  return nullptr;
}

struct NamedSpread {
  std::string task, name;
  Spread spread;
};

/// Over the row's seeds, in the order of the first run's quantities.
std::vector<NamedSpread> spreads(const StudyResult& result, const StudyRow& row) {
  std::vector<NamedSpread> out;
  std::vector<std::vector<Measure>> values;
  for (const RunSummary& run : row.runs)
    for (const Quantity& q : quantities(run, single_run(result, run.seed))) {
      size_t i = 0;
      while (i < out.size() && (out[i].task != q.task || out[i].name != q.name)) ++i;
      if (i == out.size()) {
        out.push_back({q.task, q.name, {}});
        values.emplace_back();
      }
      values[i].push_back(q.value);
    }
  for (size_t i = 0; i < out.size(); ++i) out[i].spread = spread_of(values[i]);
  return out;
}

Spread find(const std::vector<NamedSpread>& spreads, const std::string& task,
            const std::string& name) {
  for (const NamedSpread& s : spreads)
    if (s.task == task && s.name == name) return s.spread;
  return {};
}

/// A column of spreads to cells, the best mean bold; `rows` gives each row's spread.
Cells column(const std::vector<Spread>& rows, bool higher) {
  Measure best;
  int with_value = 0;
  for (const Spread& s : rows) {
    if (!s.mean || is_fault(s.mean)) continue;
    ++with_value;
    if (!best || (higher ? *s.mean > *best : *s.mean < *best)) best = s.mean;
  }
  Cells cells;
  for (const Spread& s : rows) {
    const bool bold = with_value > 1 && s.mean == best;
    cells.push_back(bold ? "**" + spread_text(s) + "**" : spread_text(s));
  }
  return cells;
}

/// The table's columns turned into its rows.
std::vector<Cells> turned(const std::vector<Cells>& columns) {
  std::vector<Cells> rows(columns[0].size());
  for (const Cells& cells : columns)
    for (size_t r = 0; r < cells.size(); ++r) rows[r].push_back(cells[r]);
  return rows;
}

class Tables {
 public:
  explicit Tables(const StudyResult& result) : result_(result) {
    for (const StudyRow& row : result.rows) rows_.push_back(spreads(result, row));
  }

  /// Methods x (metrics and loss of each task, or their means over many tasks; Delta_T).
  std::vector<Cells> quality() const {
    std::vector<Cells> columns{methods()};
    const RunSummary* run = any_run();
    if (run != nullptr && run->results.size() > most_tasks_shown) {
      for (const std::string& metric : common_metrics(run->results))
        add(columns, "", "mean_" + metric, higher_is_better(metric));
      add(columns, "", "mean_loss", false);
    } else if (run != nullptr) {
      for (const TaskResult& r : run->results) {
        for (const Metric& m : shown_metrics(r))
          add(columns, r.task, m.name, m.higher_is_better, r.unit);
        add(columns, r.task, "loss", false);
      }
    }
    columns.push_back(deltas());
    return turned(columns);
  }

  /// Which methods lose, on average, no less than a constant prediction, and where.
  std::string constant_line() const {
    std::string list;
    for (size_t r = 0; r < rows_.size(); ++r) {
      std::vector<std::string> tasks;
      for (const NamedSpread& s : rows_[r])
        if (s.name == "loss" && no_better(r, s.task)) tasks.push_back(s.task);
      if (tasks.empty()) continue;
      list +=
          fmt::format("{}{} on {}", list.empty() ? "" : "; ", result_.rows[r].method,
                      tasks.size() > most_tasks_shown ? fmt::format("{} tasks", tasks.size())
                                                      : fmt::format("{}", fmt::join(tasks, ", ")));
    }
    return list.empty() ? ""
                        : fmt::format("{} No better than the best constant prediction: {}.\n",
                                      constant_mark, list);
  }

  /// Methods x (parameters, FLOPs, steps, time, memory).
  std::vector<Cells> cost(int seeds) const {
    std::vector<Cells> columns{methods()};
    Cells counts{"seeds"}, chosen{"trial"};
    for (const StudyRow& row : result_.rows) {
      const auto n = static_cast<int>(row.runs.size());
      counts.push_back(n == seeds ? fmt::to_string(n) : fmt::format("{} of {}", n, seeds));
      chosen.push_back(row.trial ? fmt::to_string(*row.trial + 1) : "-");
    }
    columns.push_back(counts);
    if (!result_.rows[0].trials.empty()) columns.push_back(chosen);
    plain(columns, "× one trunk", "trunk_parameters_of_one", 1, 2);
    plain(columns, "trunk M", "trunk_parameters", 1e-6, 3);
    plain(columns, "heads M", "head_parameters", 1e-6, 3);
    plain(columns, "trunk GFLOP", "trunk_gflop", 1, 3);
    plain(columns, "heads GFLOP", "heads_gflop", 1, 3);
    plain(columns, "steps", "steps", 1, 0);
    plain(columns, "tested at", "tested_step", 1, 0);
    plain(columns, "train s", "seconds", 1, 1);
    plain(columns, "peak MiB", "peak_bytes", 1.0 / (1 << 20), 1);
    if (std::any_of(rows_.begin(), rows_.end(),
                    [](const auto& row) { return find(row, "", "mean_cosine").n > 0; }))
      plain(columns, "cosine", "mean_cosine", 1, 3);
    return turned(columns);
  }

 private:
  const RunSummary* any_run() const {
    for (const StudyRow& row : result_.rows)
      if (!row.runs.empty()) return &row.runs[0];
    return nullptr;
  }
  bool no_better(size_t row, const std::string& task) const {
    TaskResult mean{task, find(rows_[row], task, "loss").mean, {}};
    mean.constant = find(rows_[row], task, constant_loss).mean;
    return no_better_than_constant(mean);
  }
  Cells methods() const {
    Cells cells{"method"};
    for (const StudyRow& row : result_.rows) cells.push_back(row.method);
    return cells;
  }
  void add(std::vector<Cells>& columns, const std::string& task, const std::string& name,
           bool higher, const std::string& unit = "") const {
    std::vector<Spread> values;
    for (const auto& row : rows_) values.push_back(find(row, task, name));
    const std::string in_unit = unit.empty() || !in_label_unit(name) ? "" : " " + unit;
    Cells cells{(task.empty() ? name : task + " " + name) + in_unit + (higher ? " ↑" : " ↓")};
    for (std::string& cell : column(values, higher)) {
      if (name == "loss" && no_better(cells.size() - 1, task)) cell += constant_mark;
      cells.push_back(std::move(cell));
    }
    columns.push_back(std::move(cells));
  }
  void plain(std::vector<Cells>& columns, const char* header, const char* name, double factor,
             int digits) const {
    Cells cells{header};
    for (const auto& row : rows_) {
      const Spread s = find(row, "", name);
      const double mean = factor * s.mean.value_or(0), deviation = factor * s.deviation;
      // Three digits of a small number.
      const int shown = digits < 2 || !(mean > 0)
                            ? digits
                            : std::max(digits, 2 - static_cast<int>(std::floor(std::log10(mean))));
      const auto text = [&](double value) {
        return mean > 0 && mean < 1e-4 ? fmt::format("{:.2e}", value)
                                       : fmt::format("{:.{}f}", value, shown);
      };
      cells.push_back(s.n == 0         ? "-"
                      : deviation == 0 ? text(mean)
                                       : fmt::format("{} ± {}", text(mean), text(deviation)));
    }
    columns.push_back(std::move(cells));
  }
  Cells deltas() const {
    Cells cells{"Δ_T % ↑"};
    bool reference = true;
    for (size_t r = 0; r < rows_.size(); ++r) {
      const Spread s = find(rows_[r], "", "delta_t_percent");
      const bool single = result_.rows[r].sharing == Sharing::single;
      cells.push_back(single && reference ? "reference"
                      : s.n < 2 || is_fault(s.mean)
                          ? fixed_text(s.mean, 2, true)
                          : fmt::format("{:+.2f} ± {:.2f}", *s.mean, s.deviation));
      reference = reference && !single;
    }
    return cells;
  }

  const StudyResult& result_;
  std::vector<std::vector<NamedSpread>> rows_;
};

std::string trials_table(const Study& study, const StudyResult& result) {
  std::vector<Cells> rows{{"method", "trial", "validation score", "chosen", "settings"}};
  for (const StudyRow& row : result.rows)
    for (size_t t = 0; t < row.trials.size(); ++t)
      rows.push_back({row.method, fmt::to_string(t + 1), number_text(row.trial_losses[t]),
                      row.trial == t ? "yes" : "",
                      fmt::format("{}", fmt::join(row.trials[t], " "))});
  std::vector<int64_t> seeds(study.seeds.begin(), study.seeds.begin() + study.trial_seeds);
  return fmt::format(
      "Hyper-parameters: {} trials for every method, chosen by the score on validation data, "
      "seed{} "
      "{}.\n\n{}\n",
      result.rows[0].trials.size(), seeds.size() == 1 ? "" : "s", fmt::join(seeds, ", "),
      table_text(rows, TableStyle::markdown));
}

std::string trial_text(const StudyRow& row) {
  return row.trial ? fmt::to_string(*row.trial + 1) : "";
}

}  // namespace

Spread spread_of(const std::vector<Measure>& values) {
  Spread s;
  // Summed from the first value on: equal values have exactly that mean, and no deviation.
  double first = 0, sum = 0, squares = 0;
  for (const Measure& v : values)
    if (v) {
      if (s.n++ == 0) first = *v;
      sum += *v - first;
    }
  if (s.n == 0) return s;
  const double mean = first + sum / s.n;
  s.mean = mean;
  for (const Measure& v : values)
    if (v) squares += (*v - mean) * (*v - mean);
  if (s.n > 1) s.deviation = std::sqrt(squares / (s.n - 1));
  return s;
}

std::string spread_text(const Spread& s) {
  if (s.n < 2 || s.deviation == 0 || is_fault(s.mean)) return number_text(s.mean);
  return fmt::format("{} ± {:.{}f}", number_text(s.mean), s.deviation, number_decimals(*s.mean));
}

std::vector<StudyResult> study_results(const Study& study, const std::vector<StudyCell>& cells) {
  std::vector<StudyResult> out;
  for (size_t set = 0; set < study.sets.size(); ++set) {
    const RunFile set_run = set_run_file(study, set);
    StudyResult result{study.sets[set].name, {}};
    for (size_t method = 0; method < study.methods.size(); ++method) {
      const StudyMethod& m = study.methods[method];
      StudyRow row;
      row.method = m.name;
      row.sharing = *m.sharing;
      row.trials = m.trials;
      const auto losses = trial_losses(study, cells, set, method, set_run);
      for (const auto& of_trial : losses) {
        const Spread all = spread_of(of_trial);
        row.trial_losses.push_back(static_cast<size_t>(all.n) == of_trial.size() ? all.mean
                                                                                 : std::nullopt);
      }
      row.trial = best_trial(losses);
      for (const StudyCell& cell : cells) {
        if (cell.set != set || cell.method != method) continue;
        if (row.steps == 0 || cell.trial == row.trial) row.steps = planned_steps(cell.run);
        if (cell.trial == row.trial && cell.finished())
          row.runs.push_back(read_summary(cell.folder));
      }
      result.rows.push_back(std::move(row));
    }
    out.push_back(std::move(result));
  }
  return out;
}

std::string study_markdown(const Study& study, const std::vector<StudyResult>& results) {
  std::string text = fmt::format(
      "# {}\n\nSeeds {}: mean ± standard deviation. Test split, with the weights of the step whose "
      "validation score was least (of single-task networks each at its own). The score: the sum of "
      "losses, each over that of the best constant prediction. Bold: the best mean. Δ_T: against "
      "the single-task method with the same seed, in percent.\n",
      study.name, fmt::join(study.seeds, ", "));
  for (const StudyResult& result : results) {
    const Tables tables(result);
    text += fmt::format(
        "\n## {}\n\n{}\n{}\n", result.set, table_text(tables.quality(), TableStyle::markdown),
        table_text(tables.cost(static_cast<int>(study.seeds.size())), TableStyle::markdown));
    text += tables.constant_line();
    if (study.trials() > 0) text += trials_table(study, result);
    text += steps_line(result) + converged_line(result);
  }
  return text;
}

std::string study_latex(const Study& study, const std::vector<StudyResult>& results) {
  std::string text = "% \\usepackage{booktabs}\n";
  for (const StudyResult& result : results) {
    const Tables tables(result);
    const auto seeds = static_cast<int>(study.seeds.size());
    text += fmt::format("\n% {}: test metrics, mean and standard deviation over {} seeds\n{}",
                        result.set, seeds, table_text(tables.quality(), TableStyle::latex));
    text += fmt::format("\n% {}: cost\n{}", result.set,
                        table_text(tables.cost(seeds), TableStyle::latex));
  }
  return text;
}

std::string study_csv(const std::vector<StudyResult>& results) {
  std::vector<Cells> rows{
      {"set", "method", "trial", "task", "quantity", "seeds", "mean", "deviation"}};
  for (const StudyResult& result : results)
    for (const StudyRow& row : result.rows)
      for (const NamedSpread& s : spreads(result, row))
        rows.push_back({result.set, row.method, trial_text(row), s.task, s.name,
                        fmt::to_string(s.spread.n), exact_text(s.spread.mean),
                        exact_text(s.spread.deviation)});
  return table_text(rows, TableStyle::csv);
}

std::string study_cells_csv(const std::vector<StudyResult>& results) {
  std::vector<Cells> rows{{"set", "method", "trial", "seed", "task", "quantity", "value"}};
  for (const StudyResult& result : results)
    for (const StudyRow& row : result.rows)
      for (const RunSummary& run : row.runs)
        for (const Quantity& q : quantities(run, single_run(result, run.seed)))
          rows.push_back({result.set, row.method, trial_text(row), fmt::to_string(run.seed), q.task,
                          q.name, exact_text(q.value)});
  return table_text(rows, TableStyle::csv);
}

}  // namespace weft
