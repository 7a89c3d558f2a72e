// The closed set of backends, resolved by overloads through one variant visit: ops hold no #ifdef
// and no registry. on_device(context, dtype, f) calls f(ctx, T{}) with the context and the element
// type, and refuses a pair the backend does not compute in.
#pragma once

#include <type_traits>
#include <variant>

#include "engine/cpu/context.h"
#include "engine/error.h"

namespace weft {

using AnyContext = std::variant<CpuContext*>;

inline CachingAllocator& memory_of(const AnyContext& context) {
  return std::visit([](auto* ctx) -> CachingAllocator& { return ctx->memory(); }, context);
}

template <class F>
void on_device(const AnyContext& context, DType dtype, F&& f) {
  std::visit(
      [&](auto* ctx) {
        using Context = std::remove_pointer_t<decltype(ctx)>;
        const auto call = [&](auto zero) {
          if constexpr (Context::template supports<decltype(zero)>)
            f(*ctx, zero);
          else
            throw ConfigError(fmt::format("{} is not computed on {}", name_of(dtype), ctx->name()));
        };
        switch (dtype) {
          case DType::f32:
            return call(float{});
          case DType::f64:
            return call(double{});
          case DType::bf16:
            return call(bf16_t{});
          default:
            throw ShapeError(fmt::format("{} is no float type", name_of(dtype)));
        }
      },
      context);
}

}  // namespace weft
