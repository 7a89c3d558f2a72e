// main() of the test program: Catch2's own in version 3 is called the same way by hand.
#ifdef WEFT_CATCH_V2
#define CATCH_CONFIG_RUNNER
#endif
#include "tests/support/catch.h"

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
