// How threads that wait for each other wait. OpenMP's spin by default: alone on a machine nothing
// is quicker, but beside data workers or another program on the same cores a step took 24 times as
// long. The runtime reads its environment when it is loaded, before main(), so a program that wants
// otherwise sets it and starts itself once more.
#pragma once

namespace weft {

/// First thing in main(): waiting threads sleep after a moment, unless the environment
/// (GOMP_SPINCOUNT, OMP_WAIT_POLICY or KMP_BLOCKTIME) says how they wait. Returns in the program
/// that goes on; where it cannot be started again, threads spin.
void let_waiting_threads_sleep(char** argv);

}  // namespace weft
