// tests/golden/metrics.json, made by tests/golden/metrics_golden.py: for each kind of task a few
// batches and what every loss, metric and constant baseline of them is, in both semantics.
#pragma once

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "tests/support/source_dir.h"
#include "train/metrics/geometry.h"

namespace weft::test {

struct GoldenBatch {
  Tensor prediction, target;  // f64, f32
};

struct GoldenValues {
  std::vector<std::optional<double>> losses;  // per batch; nullopt: no label
  double baseline = 0;
  std::map<std::string, double> metrics;
};

struct GoldenCase {
  TaskSpec task;
  Geometry geometry;
  std::vector<GoldenBatch> batches;
  GoldenValues sound, compat;

  const GoldenValues& of(Semantics semantics) const {
    return semantics == Semantics::sound ? sound : compat;
  }
};

inline Tensor golden_tensor(const nlohmann::json& json, DType dtype) {
  Shape shape;
  for (int64_t extent : json.at("shape")) shape.push_back(extent);
  std::vector<double> values;
  for (const auto& value : json.at("values"))
    values.push_back(value.is_null() ? std::nan("") : value.get<double>());
  return Tensor::from(shape, values, dtype);
}

inline GoldenValues golden_values(const nlohmann::json& json) {
  GoldenValues values;
  for (const auto& loss : json.at("losses"))
    values.losses.push_back(loss.is_null() ? std::nullopt : std::optional(loss.get<double>()));
  values.baseline = json.at("baseline");
  values.metrics = json.at("metrics").get<std::map<std::string, double>>();
  return values;
}

inline std::vector<GoldenCase> golden_cases() {
  const std::map<std::string, TaskKind> kinds = {{"segmentation", TaskKind::segmentation},
                                                 {"normals", TaskKind::normals},
                                                 {"depth", TaskKind::depth},
                                                 {"edges", TaskKind::edges},
                                                 {"keypoints", TaskKind::keypoints},
                                                 {"classification", TaskKind::classification},
                                                 {"binary", TaskKind::binary},
                                                 {"regression", TaskKind::regression}};
  std::ifstream file(source_dir() + "/tests/golden/metrics.json");
  std::vector<GoldenCase> cases;
  for (const auto& json : nlohmann::json::parse(file)) {
    GoldenCase one;
    const auto& task = json.at("task");
    one.task.name = json.at("name");
    one.task.kind = kinds.at(task.at("kind"));
    one.task.classes = task.value("classes", 0);
    if (task.contains("ignore")) one.task.ignore = task.at("ignore").get<int>();
    one.task.class_weights = task.value("class_weights", std::vector<double>{});
    const auto& geometry = json.at("geometry");
    one.geometry.grid = {geometry.at("first"), geometry.at("stride")};
    if (const auto& picture = geometry.at("picture"); !picture.is_null()) {
      one.geometry.height = picture[0];
      one.geometry.width = picture[1];
    }
    for (const auto& batch : json.at("batches"))
      one.batches.push_back({golden_tensor(batch.at("prediction"), DType::f64),
                             golden_tensor(batch.at("target"), DType::f32)});
    one.sound = golden_values(json.at("sound"));
    one.compat = golden_values(json.at("compat"));
    cases.push_back(std::move(one));
  }
  return cases;
}

inline GoldenCase golden_case(const std::string& name) {
  for (GoldenCase& one : golden_cases())
    if (one.task.name == name) return one;
  throw std::logic_error("no golden case " + name);
}

/// Equal to 1e-9, relative where values are large.
inline bool close(double a, double b, double tolerance = 1e-9) {
  return std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b));
}

}  // namespace weft::test
