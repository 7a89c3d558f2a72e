// weft doctor's judgement of machines: each lack is named with what to do, and keeps nobody from
// training on a CPU who can.
#include "train/cli/diagnosis.h"
#include "tests/support/catch.h"

namespace {

using namespace weft::cli;
using Kind = Finding::Kind;

constexpr int64_t gib = int64_t{1} << 30;

Machine sound() {
  Machine m;
  m.build = "weft 0.1.0: g++ 12.2.0, -march=native, CPU";
  m.packages = "Eigen 3.4.0";
  m.processor = "Some CPU";
  m.units = {"sse4_2", "avx", "avx2", "fma"};
  m.needed = {"avx2", "fma"};
  m.threads = m.cores = 4;
  m.logical = 8;
  m.memory = 16 * gib;
  m.memory_free = 8 * gib;
  m.folder = "runs";
  m.disk_free = 100 * gib;
  m.no_cuda = "this build has no CUDA backend";
  return m;
}

Finding about(const std::string& subject, const Machine& m) {
  for (const Finding& f : diagnose(m))
    if (f.subject == subject) return f;
  FAIL("nothing about " << subject);
  return {};
}

}  // namespace

TEST_CASE("doctor: a sound machine lacks nothing", "[doctor]") {
  for (const Finding& f : diagnose(sound())) {
    INFO(f.subject << ": " << f.fact);
    CHECK(f.kind != Kind::lacks);
    CHECK(f.fact.size() > 3);
    CHECK((f.kind == Kind::has) == f.advice.empty());
  }
  CHECK(about("processor", sound()).fact ==
        "Some CPU, 4 cores (8 logical), 4 threads by default, sse4_2 avx avx2 fma");
  CHECK(about("memory", sound()).fact == "16.0 GiB, 8.0 GiB free");
  CHECK(about("disk", sound()).fact == "100.0 GiB free at runs");
}

TEST_CASE("doctor: a build for another processor is a lack, an old processor is not", "[doctor]") {
  Machine m = sound();
  m.needed = {"avx2", "avx512f"};
  const Finding f = about("processor", m);
  CHECK(f.kind == Kind::lacks);
  CHECK_THAT(f.fact, weft::contains_text("without avx512f, which this build needs"));
  CHECK_THAT(f.advice, weft::contains_text("WEFT_MARCH"));
  m.needed = {};
  m.units = {"sse4_2"};
  CHECK(about("processor", m).kind == Kind::note);
  m.units = {};  // no /proc/cpuinfo, or another architecture
  m.needed = {"avx2"};
  CHECK(about("processor", m).kind == Kind::has);
}

TEST_CASE("doctor: little memory and little disk are notes with what to do", "[doctor]") {
  Machine m = sound();
  m.memory_free = gib / 2;
  m.disk_free = gib / 4;
  CHECK(about("memory", m).kind == Kind::note);
  CHECK(about("memory", m).fact == "16.0 GiB, 512 MiB free");
  CHECK_THAT(about("memory", m).advice, weft::contains_text("data.batch"));
  m.memory_limited = true;
  CHECK(about("memory", m).fact == "16.0 GiB (this container's limit), 512 MiB free");
  CHECK(about("disk", m).kind == Kind::note);
  CHECK_THAT(about("disk", m).advice, weft::contains_text("--out"));
  m.writable = false;
  CHECK_THAT(about("disk", m).fact, weft::contains_text("nothing can be written"));
}

TEST_CASE("doctor: what is missing for a GPU depends on the card, the driver and the build",
          "[doctor]") {
  Machine m = sound();
  CHECK_THAT(about("gpu", m).advice, weft::contains_text("nothing"));
  m.cards = {"NVIDIA H100"};
  CHECK(about("gpu", m).fact == "NVIDIA H100; this build has no CUDA backend");
  CHECK_THAT(about("gpu", m).advice, weft::contains_text("CUDA toolkit"));
  m.cuda_built = true;
  m.no_cuda = "the NVIDIA driver is missing, or older than CUDA 13.0 needs";
  CHECK_THAT(about("gpu", m).advice, weft::contains_text("newer NVIDIA driver"));
  m.cards = {};
  CHECK_THAT(about("gpu", m).advice, weft::contains_text("install NVIDIA's driver"));
  m.no_cuda = "";
  m.gpu = "NVIDIA H100, compute 9.0";
  CHECK(about("gpu", m).kind == Kind::has);
  CHECK_THAT(about("gpu", m).fact, weft::contains_text("--device cuda"));
}

TEST_CASE("doctor: WEFT_DATA that is no folder is said", "[doctor]") {
  Machine m = sound();
  m.data = "/gone";
  CHECK(about("data", m).kind == Kind::note);
  m.data_there = true;
  CHECK(about("data", m).kind == Kind::has);
}
