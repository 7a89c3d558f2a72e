// sanitized, cases(plain, few): what a test does less often where a sanitizer watches it, which
// takes ten times as long. Sanitizers look at what one case does to memory; numbers, and what
// happens in one case of many, are the other builds' to judge.
#pragma once

namespace weft::test {

#if defined(__has_feature)  // clang's word for what g++ tells by a macro
constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

template <class T>
constexpr T cases(T plain, T few) {
  return sanitized ? few : plain;
}

}  // namespace weft::test
