// Event files are what TensorBoard's own format says; the reader here knows nothing of the writer.
#include "io/event_file.h"

#include <cmath>

#include "io/picture_io.h"
#include "tests/support/catch.h"
#include "tests/support/events.h"
#include "tests/support/temp_folder.h"

using namespace weft;

TEST_CASE("crc32c: the sums of RFC 3720", "[io]") {
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
}

TEST_CASE("event file: numbers, histograms and pictures at their steps, under sums that hold",
          "[io]") {
  const test::TempFolder folder;
  const std::string path = folder.file("events");
  {
    EventFile file(path, 1);
    file.scalar("loss/train/seg", 7, 0.25);
    file.scalar("loss/train/seg", 300, -1e-3);
    file.histogram("p_select/seg", 8, {0, 0.05, 0.1, NAN, 0.55, 1});
    Picture picture(2, 3, 1);
    *picture.at(1, 2) = 200;
    file.picture("policy", 9, picture);
  }
  { EventFile on(path, 301); }
  const std::vector<test::Event> events = test::read_events(path);
  REQUIRE(events.size() == 8);
  CHECK(events[1].session == 1);
  CHECK(events[1].step == 1);
  CHECK(events[0].version == "brain.Event:2");
  CHECK(events[2].tag == "loss/train/seg");
  CHECK(events[2].step == 7);
  CHECK(events[2].number == 0.25);
  CHECK(events[2].wall_time > 1.7e9);
  CHECK(events[3].step == 300);
  CHECK(events[3].number == static_cast<double>(-1e-3f));
  CHECK(events[4].counts == std::vector<double>{3, 0, 0, 0, 0, 1, 0, 0, 0, 1});
  CHECK(events[4].limits.back() == 1);
  CHECK(events[4].sum == Catch::Approx(1.7));
  const Picture back = decode_values(events[5].png, "the event.png");
  CHECK(back.height == 2);
  CHECK(back.width == 3);
  CHECK(*back.at(1, 2) == 200);
  CHECK(events[6].version == "brain.Event:2");
  CHECK(events[7].session == 1);
  CHECK(events[7].step == 301);
}

TEST_CASE("event file: a folder that is not there is an error with its name", "[io]") {
  const test::TempFolder folder;
  CHECK_THROWS_AS(EventFile(folder.file("nowhere/events"), 0), DataError);
}
