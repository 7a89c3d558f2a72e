// Faults on demand, loaded before a program: LD_PRELOAD=libweft_faults.so. The system's answers to
// write, fsync, rename, open, close, mmap, malloc, threads and fork are counted from main() on; the
// n-th of a kind fails, once or several times in a row.
//   WEFT_FAULT=write:7      the 7th write fails (ENOSPC); malloc:12+2: the 12th and the 13th;
//                           rename:3!: SIGKILL in place of the 3rd
//   WEFT_FAULT_COUNTS=FILE  how many of each kind there were, one "kind number" a line
// A signal to every process (kill(-1) or kill(0)) is never sent: it ends the program with 99.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {

enum Kind {
  k_write,
  k_fsync,
  k_rename,
  k_open,
  k_close,
  k_mmap,
  k_malloc,
  k_thread,
  k_fork,
  kinds
};
constexpr const char* names[kinds] = {"write", "fsync",  "rename", "open", "close",
                                      "mmap",  "malloc", "thread", "fork"};
constexpr int errors[kinds] = {ENOSPC, EIO, EIO, EMFILE, EIO, ENOMEM, ENOMEM, EAGAIN, EAGAIN};

std::atomic<bool> counting{false};
std::atomic<long> seen[kinds];
long first[kinds], last[kinds];
bool deadly = false;

/// Whether this call of its kind is one that fails; errno says how.
bool fails(Kind kind) {
  if (!counting.load(std::memory_order_relaxed)) return false;
  const long n = ++seen[kind];
  if (n < first[kind] || n > last[kind]) return false;
  if (deadly) raise(SIGKILL);
  errno = errors[kind];
  return true;
}

void read_plan() {
  for (long& f : first) f = -1;
  for (long& l : last) l = -1;
  const char* plan = getenv("WEFT_FAULT");
  for (int k = 0; plan != nullptr && k < kinds; ++k) {
    const size_t size = strlen(names[k]);
    if (strncmp(plan, names[k], size) != 0 || plan[size] != ':') continue;
    char* end = nullptr;
    first[k] = strtol(plan + size + 1, &end, 10);
    last[k] = first[k] + (*end == '+' ? strtol(end + 1, nullptr, 10) : 1) - 1;
    deadly = *end == '!';
  }
}

int (*program)(int, char**, char**) = nullptr;

void write_counts() {
  counting = false;
  const char* path = getenv("WEFT_FAULT_COUNTS");
  if (path == nullptr) return;
  FILE* file = fopen(path, "w");
  if (file == nullptr) return;
  for (int k = 0; k < kinds; ++k) fprintf(file, "%s %ld\n", names[k], seen[k].load());
  fclose(file);
}

int counted_main(int argc, char** argv, char** environment) {
  atexit(write_counts);
  counting = true;
  return program(argc, argv, environment);
}

/// The function that this one stands before.
template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(),
                      void (*fini)(), void (*rtld_fini)(), void* stack_end) {
  read_plan();
  program = main;
  return next<decltype(&__libc_start_main)>("__libc_start_main")(counted_main, argc, argv, init,
                                                                 fini, rtld_fini, stack_end);
}

void* malloc(size_t size) { return fails(k_malloc) ? nullptr : __libc_malloc(size); }
void* calloc(size_t n, size_t size) { return fails(k_malloc) ? nullptr : __libc_calloc(n, size); }
void* realloc(void* block, size_t size) {
  return fails(k_malloc) ? nullptr : __libc_realloc(block, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  return fails(k_malloc) ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** block, size_t alignment, size_t size) {
  if (fails(k_malloc)) return ENOMEM;
  *block = __libc_memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}

ssize_t write(int fd, const void* bytes, size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  return fails(k_write) ? -1 : real(fd, bytes, size);
}
int fsync(int fd) {
  static const auto real = next<int (*)(int)>("fsync");
  return fails(k_fsync) ? -1 : real(fd);
}
int rename(const char* from, const char* to) {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  return fails(k_rename) ? -1 : real(from, to);
}
int close(int fd) {
  static const auto real = next<int (*)(int)>("close");
  const bool failing = fails(k_close);
  const int error = errno;
  const int status = real(fd);  // the descriptor is gone either way
  if (failing) errno = error;
  return failing ? -1 : status;
}

int open(const char* path, int flags, ...) {
  static const auto real = next<int (*)(const char*, int, ...)>("open");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return fails(k_open) ? -1 : real(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  static const auto real = next<int (*)(const char*, int, ...)>("open64");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return fails(k_open) ? -1 : real(path, flags, mode);
}
FILE* fopen(const char* path, const char* mode) {
  static const auto real = next<FILE* (*)(const char*, const char*)>("fopen");
  return fails(k_open) ? nullptr : real(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  static const auto real = next<FILE* (*)(const char*, const char*)>("fopen64");
  return fails(k_open) ? nullptr : real(path, mode);
}

void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  static const auto real = next<void* (*)(void*, size_t, int, int, int, off_t)>("mmap");
  return fails(k_mmap) ? MAP_FAILED : real(at, size, protection, flags, fd, offset);
}
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*f)(void*),
                   void* argument) {
  static const auto real =
      next<int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
  return fails(k_thread) ? EAGAIN : real(thread, attributes, f, argument);
}
pid_t fork() {
  static const auto real = next<pid_t (*)()>("fork");
  return fails(k_fork) ? -1 : real();
}
int kill(pid_t pid, int signal) {
  static const auto real = next<int (*)(pid_t, int)>("kill");
  if (pid <= 0 && signal != 0) _exit(99);
  return real(pid, signal);
}

}  // extern "C"
