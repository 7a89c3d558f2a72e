// fork and exec of /proc/self/exe, which stays this very program even where its file is replaced.
#include "train/cli/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/error.h"
#include "engine/machine_memory.h"

namespace weft::cli {
namespace {

/// After fork: nothing here may allocate.
[[noreturn]] void become(char* const* arguments, char* const* environment, int log, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(143);  // it died in between
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (dup2(null, STDIN_FILENO) >= 0 && dup2(log, STDOUT_FILENO) >= 0 &&
      dup2(log, STDERR_FILENO) >= 0)
    execve("/proc/self/exe", arguments, environment);
  _exit(127);
}

/// For exec: the words stay where they are.
std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Ours, where `changes` does not say otherwise.
std::vector<std::string> changed_environment(const std::vector<std::string>& changes) {
  std::vector<std::string> out = changes;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string ours = *entry, name = ours.substr(0, ours.find('=') + 1);
    if (std::none_of(changes.begin(), changes.end(),
                     [&](const std::string& change) { return change.rfind(name, 0) == 0; }))
      out.push_back(ours);
  }
  return out;
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const std::string& log,
             const std::vector<std::string>& environment)
    : began_(std::chrono::steady_clock::now()) {
  std::vector<std::string> words{"weft"}, variables = changed_environment(environment);
  words.insert(words.end(), arguments.begin(), arguments.end());
  const std::vector<char*> to_words = pointers_to(words), to_variables = pointers_to(variables);
  const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) throw DataError(log + ": cannot be written: " + std::strerror(errno));
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become(to_words.data(), to_variables.data(), fd, parent);
  const int error = errno;
  close(fd);
  if (pid_ < 0)
    throw NoProcess(std::string("cannot start another process: ") + std::strerror(error));
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), began_(other.began_) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(began_, other.began_);
  return *this;
}

Child::~Child() {
  if (pid_ <= 0) return;
  stop();
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<Ended> Child::ended() {
  if (pid_ <= 0) return std::nullopt;  // wait4(-1) would take another child's end
  int status = 0;
  rusage usage{};
  if (wait4(pid_, &status, WNOHANG, &usage) != pid_) return std::nullopt;
  pid_ = -1;
  Ended end;
  end.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  end.peak_bytes = static_cast<int64_t>(usage.ru_maxrss) * 1024;
  end.seconds = seconds();
  return end;
}

void Child::stop() {
  if (pid_ > 0) kill(pid_, SIGTERM);  // kill(-1) and kill(0) reach processes that are not ours
}

double Child::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

int64_t Child::peak_bytes() const {
  return proc_bytes("/proc/" + std::to_string(pid_) + "/status", "VmHWM", 0);
}

int64_t available_memory() {
  return proc_bytes("/proc/meminfo", "MemAvailable", std::numeric_limits<int64_t>::max());
}

}  // namespace weft::cli
