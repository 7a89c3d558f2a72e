// What compat changes, by what the run measures.
#include "train/step/compat.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/sharing/way.h"
#include "train/metrics/delta.h"

namespace weft {

std::vector<std::string> compat_notes(const RunFile& run, bool val_is_test) {
  std::vector<std::string> notes;
  if (run.semantics != Semantics::compat) return notes;
  const auto has = [&](TaskKind kind) {
    return std::any_of(run.tasks.begin(), run.tasks.end(),
                       [&](const TaskSpec& task) { return task.kind == kind; });
  };
  const bool negative_ignore =
      std::any_of(run.tasks.begin(), run.tasks.end(), [](const TaskSpec& task) {
        return task.kind == TaskKind::segmentation && task.ignore.value_or(0) < 0;
      });
  const auto note = [&](const std::string& text) { notes.push_back("compat: " + text); };
  if (val_is_test)
    note(
        "'val' is the test split: its losses, the drawn policy and the best checkpoint have seen "
        "the test data");
  if (run.eval.batches > 0)
    note(fmt::format("losses and metrics while training are of {} batches, not of the split",
                     run.eval.batches));
  if (has(TaskKind::segmentation)) {
    note("miou leaves out classes without a true positive: it is too high");
    if (negative_ignore) note("pixel_acc counts unlabelled pixels as errors: it is too low");
  }
  if (has(TaskKind::normals) && run.data.kind == DataKind::nyu_v2)
    note("angle_* and within_* are between raw bytes in the positive octant, not between normals");
  if (has(TaskKind::normals) && run.data.kind != DataKind::taskonomy && run.data.augment.flip)
    note("a mirrored picture keeps its normals' x: half of the normals are learned wrong");
  if (has(TaskKind::depth)) {
    note("delta_* counts negative depths as right; depths up to 3e-5 are no labels");
    const auto [least, most] = run.data.augment.scale;
    if (least != 1 || most != 1)
      note("a zoomed picture keeps its depth: what is learned is off by the zoom");
  }
  if ((has(TaskKind::keypoints) || has(TaskKind::edges)) && run.data.kind == DataKind::taskonomy)
    note("keypoints and edges are in -1 to 1: their abs is twice that in 0 to 1");
  note(
      "losses take the label at floor(i in / out), metrics are of predictions grown by nearest "
      "neighbour, and mean errors are means of batches, weighted by images");
  if (run.data.kind == DataKind::nyu_v2 || run.data.kind == DataKind::cityscapes ||
      run.data.kind == DataKind::taskonomy)
    note(
        "a last batch that is short counts in validation, and tests are of batches: the official "
        "code leaves the one out and tests image by image");
  if (official_references(run.name, run.tasks))
    note("the best step is the one of the best relative score, by the official references");
  else
    note(fmt::format(
        "there are no official references for a run of the name '{}': its best step is that of the "
        "least sum of losses over the constant prediction's",
        run.name));
  if (!way_of(run.sharing).policy) return notes;
  if (run.policy.floor == 0)
    note("the temperature has no floor: late samples are as hard as numbers can be");
  if (run.policy.choose == Choose::draw)
    note("the first draw is taken, whether every task and block takes part or not");
  if (run.policy.from == PolicyFrom::best && run.model.trunk == TrunkName::resnet34 &&
      run.model.form == TrunkForm::deeplab)
    note("the search's best policy counts only after 18 blocks' time, though there are 16");
  note(
      "the sharing loss is of raw logits, its weights growing with depth; skipped blocks run in "
      "training and move batch norm's statistics, and the FLOPs of tables do not count them");
  return notes;
}

}  // namespace weft
