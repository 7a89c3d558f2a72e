// Descriptors 0 to 2, two signals, the new-handler and the exit handler.
#include "train/cli/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace weft::cli {
namespace {

constexpr size_t reserve_bytes = size_t{1} << 20;
std::atomic<void*> reserve{nullptr};
bool ending = false;
std::array<char, 320> speaker{};  // complain() allocates nothing

/// The first allocation that fails is tried again with the reserve given back: destructors that
/// allocate (JSON's do) get through, and what is short of more than that is told by the second try.
void give_reserve() {
  void* block = reserve.exchange(nullptr);
  if (block == nullptr) throw std::bad_alloc();
  std::free(block);
}

void exit_of_a_library() {
  if (!ending) _exit(2);
}

/// A closed stream is opened the wrong way round: a read or write fails as on a closed one.
void open_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) _exit(2);
}

}  // namespace

void prepare_process() {
  open_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);  // the write fails with EPIPE
  std::signal(SIGXFSZ, SIG_IGN);  // with EFBIG
  reserve = std::malloc(reserve_bytes);
  std::set_new_handler(give_reserve);
  std::atexit(exit_of_a_library);
}

void end_process() { ending = true; }

void refill_reserve() {
  if (reserve.load() != nullptr) return;
  void* block = std::malloc(reserve_bytes);
  if (block == nullptr) throw std::bad_alloc();
  reserve = block;
}

bool reserve_is_spent() noexcept { return reserve.load() == nullptr; }

void speak_as(const std::string& who) { who.copy(speaker.data(), speaker.size() - 1); }

void complain(const char* prefix, const char* message) noexcept {
  std::fflush(stdout);
  std::array<char, 1024> line;
  size_t size = 0;
  const auto flush = [&] {
    for (size_t at = 0; at < size;) {
      const ssize_t wrote = ::write(STDERR_FILENO, line.data() + at, size - at);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) break;
      at += static_cast<size_t>(wrote);
    }
    size = 0;
  };
  const auto add = [&](const char* text) {
    for (; *text != '\0'; ++text) {
      const bool control = static_cast<unsigned char>(*text) < 0x20 || *text == 0x7f;
      if (size == line.size()) flush();
      line[size++] = control ? ' ' : *text;
    }
  };
  add("weft: ");
  add(speaker.data());
  add(prefix);
  add(message);
  if (size == line.size()) flush();
  line[size++] = '\n';
  flush();
}

void tell(const std::string& line) { std::fputs((line + "\n").c_str(), stderr); }

}  // namespace weft::cli
