// A device by its kind: the CPU is always there, a GPU or the reason why there is none; results,
// time and recorded work on either.
#include "engine/device.h"

#include "engine/error.h"
#include "tests/support/device.h"
#include "tests/support/temp_folder.h"

namespace weft {
namespace {

/// What a device owes whatever it is.
void check_device(const Device& device) {
  const AnyContext context = device.context();
  CHECK(memory_bytes(context) > 0);
  const Tensor here = to_device(context, Tensor::from({2}, {3, -4}));
  const Tensor host = fetch_later(context, here);
  synchronize(context);
  CHECK(host.to_vector() == std::vector<double>{3, -4});
  // Numbers over to the host, others back, without a wait between.
  const Tensor room = host_room(context, {2}, DType::f32);
  copy_in_order(context, room, here);
  call_in_order(context, [room] { room.data<float>()[0] += room.data<float>()[1]; });
  copy_in_order(context, here, room);
  CHECK(to_host(context, here).to_vector() == std::vector<double>{-1, -4});
  // The same beside other work: what was asked for before the fork is there, what comes behind the join
  // finds the result.
  for (const float number : {7.0F, 8.0F}) {
    fork_beside(context);
    if (number == 8)
      synchronize(context);  // a wait in between, as tests of numbers in debug mode are
    beside(context, [&] {
      copy_in_order(context, room, here);
      call_in_order(context, [room, number] { room.data<float>()[1] = number; });
      copy_in_order(context, here, room);
    });
    join_beside(context);
    CHECK(to_host(context, here).to_vector() == std::vector<double>{-1, number});
  }
  int runs = 0;
  CHECK(milliseconds(context, [&] { ++runs; }) >= 0);
  CHECK(runs == 1);
}

}  // namespace

TEST_CASE("device: the CPU has its results at once and records nothing", "[engine]") {
  const Device cpu(DeviceKind::cpu, 3);
  CHECK(cpu.describe() == "cpu, 3 threads");
  check_device(cpu);
  CHECK_FALSE(is_asynchronous(cpu.context()));
  CHECK(waits(cpu.context()) == 0);
  require_device(DeviceKind::cpu);
  int runs = 0;
  Repeated repeated(cpu.context());
  for (int i = 0; i < 3; ++i) repeated.run([&] { ++runs; });
  CHECK((runs == 3 && repeated.built() == 0));
  CHECK_THROWS_AS(call_in_order(cpu.context(), [] { throw Error("its own"); }), Error);
}

TEST_CASE("device: without a GPU the word cuda is refused before anything is made", "[engine]") {
  if (why_no_cuda().empty()) WEFT_SKIP("a CUDA device is here");
  const auto message = [](auto&& f) { return test::message_of<UserError>(f); };
  const std::string required = message([] { require_device(DeviceKind::cuda); });
  CHECK(required.rfind("device", 0) == 0);
  CHECK(message([] { Device device(DeviceKind::cuda); }).rfind("device", 0) == 0);
  CHECK_FALSE(describe_cuda().empty());
}

TEST_CASE("cuda: the GPU as a device", "[cuda][engine]") {
  WEFT_NEEDS_CUDA();
  const Device gpu(DeviceKind::cuda);
  require_device(DeviceKind::cuda);
  check_device(gpu);
  CHECK(is_asynchronous(gpu.context()));
  CHECK(waits(gpu.context()) >= 1);
}

}  // namespace weft
