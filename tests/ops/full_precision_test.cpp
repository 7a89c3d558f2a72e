// Ops that keep full precision refuse bf16 by their names, on every backend, and
// docs/architecture.md section 9.6 lists all of them.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "ops/binary_cross_entropy.h"
#include "ops/cosine_loss.h"
#include "ops/cross_entropy.h"
#include "ops/gumbel_softmax.h"
#include "ops/huber_loss.h"
#include "ops/l1_loss.h"
#include "ops/softmax.h"
#include "ops/trace_norm.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/source_dir.h"
#include "tests/support/temp_folder.h"

using namespace weft;

TEST_CASE("ops that keep full precision refuse bf16 by their names", "[ops][errors]") {
  CpuContext cpu(1);
  const AnyContext context = testing_cuda() ? test_device() : AnyContext(&cpu);
  Tape tape(context);
  const Var x = tape.leaf(Tensor::empty({2, 3}, DType::bf16, memory_of(context)));
  const Tensor same = Tensor::empty({2, 3}, DType::bf16, memory_of(context));
  const Tensor ids = to_device(context, Tensor::from({2}, {0, 2}, DType::i32));
  std::set<std::string> refused;
  const auto check = [&](const char* op, const std::function<void()>& call) {
    CAPTURE(op);
    CHECK_THAT(test::message_of<ConfigError>(call),
               Catch::Matchers::StartsWith(std::string(op) + ": bf16 is not computed on ") &&
                   contains_text("by this op; cast it to f32 first"));
    refused.insert(op);
  };
  check("softmax", [&] { softmax(x); });
  check("log_softmax", [&] { log_softmax(x); });
  check("gumbel_softmax", [&] {
    const Var logits = tape.leaf(Tensor::empty({2, 2}, DType::bf16, memory_of(context)));
    gumbel_softmax(logits, 1, false, Noise{}, "policy.seg");
  });
  check("trace_norm", [&] { trace_norm(x); });
  check("cross_entropy", [&] { cross_entropy(x, ids); });
  check("cross_entropy_each", [&] { cross_entropy_each(x, ids); });
  check("binary_cross_entropy", [&] { binary_cross_entropy(x, same); });
  check("binary_cross_entropy_each", [&] { binary_cross_entropy_each(x, same); });
  check("l1_loss", [&] { l1_loss(x, same); });
  check("l1_loss_each", [&] { l1_loss_each(x, same); });
  check("mse_loss", [&] { mse_loss(x, same); });
  check("mse_loss_each", [&] { mse_loss_each(x, same); });
  check("huber_loss", [&] { huber_loss(x, same); });
  check("huber_loss_each", [&] { huber_loss_each(x, same); });
  check("cosine_loss", [&] { cosine_loss(x, same); });
  check("cosine_loss_each", [&] { cosine_loss_each(x, same); });

  // No source has others: a new one goes into the list above.
  std::set<std::string> sources;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() + "/ops")) {
    std::ifstream source(entry.path());
    const std::string text(std::istreambuf_iterator<char>(source), {});
    if (text.find("on_device_full(") != std::string::npos)
      sources.insert(entry.path().filename().string());
  }
  CHECK(sources == std::set<std::string>{"cross_entropy.cpp", "gumbel_softmax.cpp", "pixel_loss.h",
                                         "softmax.cpp", "trace_norm.cpp"});

  std::ifstream file(source_dir() + "/docs/architecture.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const size_t begin = page.find("### 9.6"), end = page.find("### 9.7");
  REQUIRE(end > begin);
  const std::string section = page.substr(begin, end - begin);
  for (const std::string& op : refused) {
    const std::string plain = op.substr(0, op.rfind("_each"));
    CHECK_THAT(section, contains_text("`" + plain + "`"));
  }
}
