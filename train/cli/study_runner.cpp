// The loop that starts, watches and reaps the cells' processes.
#include "train/cli/study_runner.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "data/cached.h"
#include "engine/cpu/context.h"
#include "engine/error.h"
#include "io/files.h"
#include "train/cli/gpus.h"
#include "train/run_folder/summary.h"
#include "train/step/stop.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

std::string log_of(const StudyCell& cell) { return cell.folder + ".log"; }

/// The last complete lines of a file, at most so many bytes of it.
std::string tail(const std::string& path) {
  constexpr std::streamoff most = 4096;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return "";
  in.seekg(std::max<std::streamoff>(0, in.tellg() - most));
  std::string text(std::istreambuf_iterator<char>(in), {});
  const size_t end = text.rfind('\n');
  return end == std::string::npos ? "" : text.substr(0, end);
}

std::string last_line(const std::string& text) {
  const size_t end = text.find_last_not_of(" \r\n");
  if (end == std::string::npos) return "it said nothing";
  const size_t begin = text.find_last_of("\r\n", end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1, end + 1 - (begin + 1));
}

/// The step of the last metrics line; 0 where there is none.
int64_t last_step(const StudyCell& cell) {
  const std::string text = tail(cell.folder + "/metrics.jsonl");
  const std::string key = "\"step\":";
  const size_t at = text.rfind(key);
  return at == std::string::npos ? 0 : std::strtoll(text.c_str() + at + key.size(), nullptr, 10);
}

StudySteps steps_of(const std::vector<StudyCell>& cells) {
  StudySteps steps;
  for (const StudyCell& c : cells) {
    const int64_t planned = planned_steps(c.run);
    steps.add(planned, c.finished() ? planned : c.resumable() ? last_step(c) : 0);
  }
  return steps;
}

}  // namespace

StudyFolderLock::StudyFolderLock(const std::string& folder, Kind kind, bool until_free) {
  fs::create_directories(folder);
  const std::string path = folder + "/study.lock";
  // Children inherit it: it is free when the last of them has ended, whatever became of us.
  file_ = open(path.c_str(), O_RDWR | O_CREAT, 0644);
  if (file_ < 0) throw DataError(path + ": cannot be written: " + std::strerror(errno));
  const int how = kind == Kind::shared ? LOCK_SH : LOCK_EX;
  const int tries = kind == Kind::shared ? 600 : 1;  // another rank may be writing its tables
  for (int i = 0; i < tries || until_free; ++i) {
    if (flock(file_, how | LOCK_NB) == 0) return;
    if (i + 1 < tries || until_free) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  close(file_);
  throw ConfigError(folder + ": a study is being run in this folder; wait until it has ended");
}

StudyFolderLock::~StudyFolderLock() { close(file_); }

StudyRunner::StudyRunner(const Study& study, const std::vector<StudyCell>& cells,
                         RunnerOptions options)
    : study_(study),
      cells_(cells),
      options_(std::move(options)),
      states_(cells.size(), State::open),
      lock_(study.out,
            options_.shares ? StudyFolderLock::Kind::shared : StudyFolderLock::Kind::alone),
      steps_(steps_of(cells)),
      progress_("study", steps_.planned(), steps_.planned() - steps_.left()) {
  for (size_t i = 0; i < cells.size(); ++i)
    if (cells[i].finished()) states_[i] = State::finished;
  const bool cuda = std::any_of(cells.begin(), cells.end(), [](const StudyCell& c) {
    return c.run.device == DeviceKind::cuda;
  });
  const int here = options_.here.size;
  slots_ = static_cast<size_t>(study.parallel > 0 ? study.parallel
                               : cuda             ? std::max<size_t>(1, options_.gpus.size())
                                      : std::max(1, physical_cores() / here / study.threads));
  cache_ = cache_bytes_here(slots_ * static_cast<size_t>(here));
}

StudyRunner::~StudyRunner() {
  for (Running& r : running_) r.child.stop();
  running_.clear();
}

size_t StudyRunner::count(State state) const {
  return static_cast<size_t>(std::count(states_.begin(), states_.end(), state));
}

std::optional<size_t> StudyRunner::chosen_trial(size_t set, size_t method) {
  const auto key = std::pair(set, method);
  if (const auto found = chosen_.find(key); found != chosen_.end()) return found->second;
  const RunFile set_run = set_run_file(study_, set);
  const auto losses = trial_losses(study_, cells_, set, method, set_run);
  const auto best = best_trial(losses);
  if (!best) return std::nullopt;
  chosen_[key] = *best;
  if (started_rank() <= 0)
    say(fmt::format("{}/{}: trial {} of {} has the least validation score", study_.sets[set].name,
                    study_.methods[method].name, *best + 1, losses.size()));
  return best;
}

/// What becomes of an open cell; State::running: it can start.
StudyRunner::State StudyRunner::decided(size_t index) {
  const StudyCell& cell = cells_[index];
  if (!cell.trial || study_.compares_trials(cell.seed)) return State::running;
  for (size_t i = 0; i < cells_.size(); ++i) {
    const StudyCell& other = cells_[i];
    if (other.set != cell.set || other.method != cell.method) continue;
    if (!study_.compares_trials(other.seed)) continue;
    if (states_[i] == State::failed) return State::left_out;  // there is nothing to choose from
    if (states_[i] != State::finished) return State::open;
  }
  return chosen_trial(cell.set, cell.method) == cell.trial ? State::running : State::left_out;
}

std::optional<size_t> StudyRunner::next() {
  for (size_t i = 0; i < cells_.size(); ++i) {
    if (states_[i] != State::open) continue;
    const State state = decided(i);
    if (state == State::running && claim(i)) return i;
    if (state == State::left_out) give_up(i, state);
  }
  return std::nullopt;
}

bool StudyRunner::look_around() {
  if (!options_.shares) return true;
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < std::chrono::seconds(1)) return false;
  looked_ = now;
  for (size_t i = 0; i < cells_.size(); ++i) {
    if (states_[i] != State::open || !cells_[i].finished()) continue;
    states_[i] = State::finished;
    steps_.give_up(i);
  }
  return true;
}

bool StudyRunner::claim(size_t index) {
  if (!options_.shares) return true;
  const StudyCell& cell = cells_[index];
  claim_ = CellClaim::take(study_.out + "/claims/" + cell_name(study_, cell));
  if (!claim_ || cell.finished()) return false;  // what is finished is seen by look_around()
  const auto code = claim_->noted_since(begun_);
  if (!code) return true;
  give_up(index, *code == 0 ? State::finished : State::failed);
  if (*code != 0) failures_.push_back(*code);
  return false;
}

size_t StudyRunner::not_started() {
  size_t left = 0;
  for (size_t i = 0; i < cells_.size(); ++i) {
    if (states_[i] != State::open) continue;
    const State state = decided(i);  // open: trials are to be compared first
    if (state == State::open || (state == State::running && claim(i))) ++left;
  }
  claim_.reset();
  return left;
}

void StudyRunner::give_up(size_t cell, State how) {
  states_[cell] = how;
  steps_.give_up(cell);
}

bool StudyRunner::late() const {
  const std::chrono::duration<double> run = std::chrono::steady_clock::now() - began_;
  return run.count() >= options_.start_seconds;
}

size_t StudyRunner::idlest_gpu() const {
  if (options_.gpus.empty()) return 0;
  std::vector<size_t> load(options_.gpus.size());
  for (const Running& r : running_) ++load[r.gpu];
  return idlest(load);
}

/// Whether one more cell fits beside those that run: each is expected to need what the hungriest so
/// far has, so a cell that has not made its first step yet is waited for; and what those that run
/// may keep of samples is set aside, as if they had kept none yet.
bool StudyRunner::room() const {
  if (running_.empty()) return true;
  if (running_.size() >= slots_) return false;
  if (study_.parallel > 0) return true;
  for (const Running& r : running_)
    if (steps_.at(r.cell) == r.from && r.child.seconds() < 60) return false;
  const int64_t kept = cache_ * static_cast<int64_t>(running_.size());
  return available_memory() - kept > hungriest_ + hungriest_ / 4;
}

void StudyRunner::start(size_t index) {
  const StudyCell& cell = cells_[index];
  fs::create_directories(fs::path(cell.folder).parent_path());
  std::vector<std::string> arguments{"train"};
  if (cell.resumable()) {
    arguments.insert(arguments.end(), {"--resume", cell.folder});
  } else {
    fs::remove(log_of(cell));
    write_file(cell.asked(), print_run_file(cell.run));
    arguments.push_back(study_.sets[cell.set].run);
    arguments.insert(arguments.end(), cell.settings.begin(), cell.settings.end());
    arguments.insert(arguments.end(), {"--out", cell.folder});
  }
  arguments.insert(arguments.end(), {"--threads", fmt::to_string(study_.threads)});
  const size_t gpu = idlest_gpu();
  Words environment{fmt::format("WEFT_CACHE_MIB={}", cache_ >> 20)};
  if (!options_.gpus.empty()) environment.push_back("CUDA_VISIBLE_DEVICES=" + options_.gpus[gpu]);
  const Words alone = weft::not_started();
  environment.insert(environment.end(), alone.begin(), alone.end());
  if (claim_) claim_->let_children_inherit(true);
  try {
    running_.push_back({index, Child(arguments, log_of(cell), environment), steps_.at(index), gpu,
                        std::move(claim_)});
    claim_.reset();
    if (running_.back().claim) running_.back().claim->let_children_inherit(false);
  } catch (const NoProcess& error) {
    if (running_.empty()) throw;
    slots_ = running_.size();  // the cell stays open until one of these has ended
    say(fmt::format("{}: {} cells side by side from here on", error.what(), slots_));
    return;
  }
  states_[index] = State::running;
}

void StudyRunner::reap() {
  for (size_t i = 0; i < running_.size();) {
    Running& r = running_[i];
    const StudyCell& cell = cells_[r.cell];
    steps_.see(r.cell, last_step(cell));
    hungriest_ = std::max(hungriest_, r.child.peak_bytes());
    const auto end = r.child.ended();
    if (!end) {
      ++i;
      continue;
    }
    hungriest_ = std::max(hungriest_, end->peak_bytes);
    looked_ = {};
    const std::string name = cell_name(study_, cell);
    const bool well = end->code == 0 && end->signal == 0 && cell.finished();
    const int code = end->signal == SIGKILL ? 2  // what the system does when memory is short
                     : end->code != 0       ? end->code
                                            : 1;
    if (r.claim) r.claim->note(well ? 0 : code);
    if (well) {
      states_[r.cell] = State::finished;
      steps_.finish(r.cell);
    } else {
      give_up(r.cell, State::failed);
    }
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!well) {
      const std::string how = end->signal != 0 ? fmt::format("ended by signal {}", end->signal)
                                               : fmt::format("exit code {}", end->code);
      failures_.push_back(code);
      say(fmt::format("FAILED  {}  {}: {} (log: {})", name, how, last_line(tail(log_of(cell))),
                      log_of(cell)));
      continue;
    }
    std::string line =
        fmt::format("{}/{}  {}  in {} ", count(State::finished),
                    cells_.size() - count(State::left_out), name, clock_text(end->seconds));
    for (const TaskResult& task : read_summary(cell.folder).results)
      line += fmt::format("  {} {}", task.task, fixed_text(task.loss, 4));
    say(line + time_left());
  }
}

std::string StudyRunner::time_left() const {
  const std::chrono::duration<double> run = std::chrono::steady_clock::now() - began_;
  const auto seconds = steps_.seconds_left(run.count());
  return !seconds || steps_.left() == 0 ? "" : fmt::format("  about {} left", clock_text(*seconds));
}

void StudyRunner::stop(int signal) {
  say(fmt::format("stopping: {} running cells write a checkpoint", running_.size()));
  for (Running& r : running_) r.child.stop();
  while (!running_.empty()) {
    std::erase_if(running_, [](Running& r) { return r.child.ended().has_value(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  say(fmt::format("stopped; go on with: {}", options_.command));
  throw Stopped{signal};
}

void StudyRunner::show() {
  if (!progress_.live()) return;
  std::string note = fmt::format("{} cells left:", count(State::open) + running_.size());
  for (const Running& r : running_)
    note += fmt::format(
        "  {} {:.0f} %", cell_name(study_, cells_[r.cell]),
        100.0 * static_cast<double>(steps_.at(r.cell)) /
            static_cast<double>(std::max<int64_t>(1, planned_steps(cells_[r.cell].run))));
  const int64_t done = steps_.planned() - steps_.left();
  progress_.set_from(done - steps_.made());  // other calls' and left out: no measure of the pace
  progress_.update(done, note);
}

std::vector<int> StudyRunner::run() {
  const StopSignals signals;
  if (const size_t done = count(State::finished); done > 0)
    say(fmt::format("{} of {} cells are finished already", done, cells_.size()));
  while (true) {
    reap();
    if (const int signal = stop_signal(); signal != 0) stop(signal);
    const bool looked = look_around();
    while (looked && !late() && room()) {
      const auto cell = next();
      if (!cell) break;
      start(*cell);
    }
    claim_.reset();
    const bool others_run = options_.shares && !late() && count(State::open) > 0;
    if (running_.empty() && !others_run) {
      if (const size_t left = late() ? not_started() : 0; left > 0)
        say(fmt::format("{} cells were not started in time; go on with: {}", left,
                        options_.command));
      return failures_;
    }
    show();
    std::this_thread::sleep_for(std::chrono::milliseconds(running_.empty() ? 500 : 50));
  }
}

}  // namespace weft::cli
