// Who executes what, and what is computed once for several tasks, of a network as a picture.
#pragma once

#include <string>

#include "models/plan.h"
#include "train/cli/opened_run.h"

namespace weft::cli {

/// Ways of sharing whose blocks have gates in one trunk: others run every network whole.
bool has_plan(const RunFile& run);
/// What evaluation executes.
Gates executed_gates(const OpenedRun& run);
/// draw_plan of `plan`.
std::string plan_picture(const std::string& title, const Plan& plan, const Model& model,
                         const TrunkCost& cost);
/// Of what evaluation executes; empty where it has no plan.
struct NetworkPictures {
  std::string plan, sharing;  ///< SVG
};
NetworkPictures network_pictures(const OpenedRun& run);

}  // namespace weft::cli
