// What a static program would carry along without a use, and does not: each of these stands in the
// place of a function of the libraries, which is then not linked.
#include <cstdlib>
#include <exception>

// std::terminate's own handler prints the exception's type, by a demangler of 47 kB. main() catches
// all exceptions.
namespace __cxxabiv1 {
extern std::terminate_handler __terminate_handler;
std::terminate_handler __terminate_handler = std::abort;
}  // namespace __cxxabiv1

// libjpeg reads its memory limit from the variable JPEGMEM with sscanf, and nobody else uses that:
// 75 kB with all that reads numbers. 0: nothing was read, so there is no limit.
extern "C" int __isoc99_sscanf(const char*, const char*, ...) { return 0; }

// libjpeg's list of vectorised functions names the one that writes JPEG's codes, of 100 kB; pictures are
// read here, and written as PNG.
extern "C" {
void jsimd_huff_encode_one_block_sse2() { std::abort(); }
alignas(32) extern const unsigned char jconst_huff_encode_one_block[32] = {};
}
