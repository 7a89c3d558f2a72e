// Every method that TorchJD has too, against its values of bench/peer/torchjd_golden.py.
#include <nlohmann/json.hpp>

#include "io/json_text.h"
#include "models/balance/balance.h"
#include "models/balance/gram.h"
#include "models/balance/losses.h"
#include "tests/support/catch.h"
#include "tests/support/source_dir.h"

using namespace weft;
using namespace weft::balance;

namespace {

struct Case {
  std::string name;
  std::vector<Vector> j;
  Vector losses, later;
  nlohmann::json direction, weights;

  Matrix gram() const {
    Matrix out(j.size());
    for (size_t a = 0; a < j.size(); ++a)
      for (size_t b = 0; b < j.size(); ++b) out(a, b) = dot(j[a], j[b]);
    return out;
  }
  std::vector<size_t> tasks() const {
    std::vector<size_t> all;
    for (size_t i = 0; i < j.size(); ++i) all.push_back(i);
    return all;
  }
  /// d to `bound` of its length, where TorchJD has it for this case.
  void same(const char* method, const Vector& w, double bound = 1e-6) const {
    if (!direction.contains(method)) return;
    INFO(name << ": " << method);
    const Vector expected = direction[method].get<Vector>();
    double off = 0;
    for (size_t p = 0; p < expected.size(); ++p) {
      double d = 0;
      for (size_t i = 0; i < j.size(); ++i) d += w[i] * j[i][p];
      off += (d - expected[p]) * (d - expected[p]);
    }
    CHECK(std::sqrt(off) <= bound * std::sqrt(dot(expected, expected)));
  }
  void same_weights(const char* method, const Vector& w) const {
    INFO(name << ": " << method);
    const Vector expected = weights[method].get<Vector>();
    for (size_t i = 0; i < w.size(); ++i) CHECK(w[i] == Catch::Approx(expected[i]).epsilon(1e-6));
  }
};

std::vector<Case> cases() {
  const nlohmann::json file = read_json(source_dir() + "/tests/models/balance/torchjd_golden.json");
  std::vector<Case> out;
  for (const auto& c : file["cases"])
    out.push_back({c["name"], c["jacobian"].get<std::vector<Vector>>(), c["losses"].get<Vector>(),
                   c["later"].get<Vector>(), c["direction"], c["weights"]});
  REQUIRE(out.size() == 7);
  return out;
}

}  // namespace

TEST_CASE("directions of the Gram are TorchJD's", "[models][balance]") {
  for (const Case& c : cases()) {
    const Matrix g = c.gram();
    c.same("imtl_g", imtl_g(g).w);
    for (const std::string scale : {"min", "median", "rmse"})
      c.same(("aligned_mtl " + scale).c_str(),
             aligned_mtl(g, from_word<AlignedScale>("scale", scale)).w);
    c.same("config", balance::config(g).w);
    c.same("upgrad", upgrad(g).w);
    c.same("dualproj", dualproj(g).w);
    c.same("upgrad ridge", upgrad(g, 1e-4).w);
    c.same("dualproj ridge", dualproj(g, 1e-4).w);
    c.same("cagrad 0.5", cagrad(g, 0.5).w);
    c.same("cagrad 0.2", cagrad(g, 0.2).w);
    c.same("fairgrad 1", fairgrad(g, 1).w);
    c.same("fairgrad 2", fairgrad(g, 2).w);
    c.same("pcgrad", pcgrad(g, {}).w);
    c.same("nash_mtl", nash_mtl(g, 0).w, 1e-5);
    // Frank-Wolfe is on its way still: ours is near, and shorter.
    c.same("mgda", mgda(g).w, 5e-2);
    const Vector theirs = c.direction["mgda"].get<Vector>();
    CHECK(quadratic(g, mgda(g).w) <= dot(theirs, theirs) * (1 + 1e-12));
  }
}

TEST_CASE("directions of methods with a state are TorchJD's", "[models][balance]") {
  for (const Case& c : cases()) {
    const Matrix g = c.gram();
    const size_t k = c.j.size();
    Vector targets(k * k, 0.0), s = mean_weights(k), m = mean_weights(k);
    Vector vac, sdm, mod;
    for (int step = 0; step < 2; ++step) {
      vac = gradvac(g, targets, k, c.tasks(), {}, 0.5).w;
      sdm = sdmgrad(g, s, c.tasks()).w;
      mod = modo(g, m, c.tasks()).w;
    }
    c.same("gradvac second", vac);
    c.same("sdmgrad second", sdm);
    c.same("modo second", mod);
    ExcessState excess(k);
    std::vector<Vector> squares(k, Vector(c.j[0].size(), 0.0));
    Vector w;
    for (const double scale : {1.0, 0.7}) {
      Vector risks(k);
      for (size_t i = 0; i < k; ++i) {
        Vector row = c.j[i];
        for (double& x : row) x *= scale;
        risks[i] = excess_risk(std::span<const double>(row), std::span<double>(squares[i]));
      }
      w = excess_mtl(excess, c.tasks(), risks, 0.3).w;
    }
    for (double& x : w) x *= 0.7 / static_cast<double>(k);  // the second call's gradients; sum 1
    c.same("excess_mtl second", w);
  }
}

TEST_CASE("weights of the losses are TorchJD's", "[models][balance]") {
  for (const Case& c : cases()) {
    const size_t k = c.losses.size();
    c.same_weights("gls", gls(c.losses).w);
    c.same_weights("stch 0.3", stch(c.losses, mean_weights(k), Vector(k, 0.0), 0.3).w);
    LossMeans means(k);
    dwa(means, c.tasks(), 0);
    dwa_after(means, c.tasks(), c.losses);
    dwa(means, c.tasks(), 1);
    dwa_after(means, c.tasks(), c.later);
    c.same_weights("dwa third", dwa(means, c.tasks(), 2).w);
    FamoState logits(k);
    for (int step = 0; step < 3; ++step)
      famo_after(logits, c.tasks(), c.losses, c.later, 0.025, 1e-3);
    c.same_weights("famo fourth", famo(logits, c.tasks(), c.losses).w);
    LogScales u(k), l(k);
    Vector uw_w, imtl_w;
    for (int step = 0; step < 5; ++step) {
      uw_w = uw(u, c.tasks()).w;
      imtl_w = imtl_l(l, c.tasks()).w;
      uw_after(u, c.tasks(), c.losses, 0.05);
      imtl_l_after(l, c.tasks(), c.losses, 0.05);
    }
    c.same_weights("uw fifth", uw_w);
    c.same_weights("imtl_l fifth", imtl_w);
  }
}
