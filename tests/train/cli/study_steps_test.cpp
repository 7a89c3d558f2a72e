// The time that a study takes still: by the steps of this call alone, for the steps that will be made.
#include "train/cli/study_steps.h"

#include "tests/support/catch.h"

using namespace weft;

TEST_CASE("study steps: what is left is that of cells that will run, at this call's pace",
          "[study]") {
  cli::StudySteps steps;
  steps.add(100, 100);  // finished by an earlier call
  steps.add(100, 60);   // half done by it
  steps.add(100, 0);
  steps.add(100, 0);  // a trial
  CHECK(steps.planned() == 400);
  CHECK(steps.made() == 0);
  CHECK(steps.left() == 240);
  CHECK(!steps.seconds_left(5));
  steps.see(1, 80);  // 20 steps in 10 seconds, 220 to do
  CHECK(steps.made() == 20);
  CHECK(steps.left() == 220);
  CHECK(steps.seconds_left(10) == 110.0);
  steps.see(1, 70);  // it does not go back
  steps.finish(1);
  CHECK(steps.made() == 40);
  CHECK(steps.seconds_left(20) == 100.0);
  steps.give_up(3);  // that it is left out makes no step
  CHECK(steps.made() == 40);
  CHECK(steps.left() == 100);
  CHECK(steps.seconds_left(20) == 50.0);
  steps.see(2, 10);
  steps.give_up(2);  // failed: what it did took its time
  CHECK(steps.made() == 50);
  CHECK(steps.left() == 0);
  CHECK(steps.planned() == 400);
}
