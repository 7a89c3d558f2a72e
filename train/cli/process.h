// What the program asks of its process before anything else: standard streams that are open, so
// that no file of ours is taken for one; writes that fail with an error instead of a deadly signal;
// memory kept back for the moment when there is no more. And its last word on stderr, which needs
// no memory and does not mind that nobody reads it.
#pragma once

#include <string>

namespace weft::cli {

/// First thing in main().
void prepare_process();
/// Last thing in main(): from here on the exit code is the one that main() returns. Where a library
/// ends the program instead (OpenMP without threads or memory), it is 2.
void end_process();

/// Takes memory back for the next shortage; std::bad_alloc where there is none to take.
void refill_reserve();
/// Whether it was given back since: memory has run short.
bool reserve_is_spent() noexcept;

/// From here on complain() says who it is, before its prefix: "rank 1 (node7): ".
void speak_as(const std::string& who);
/// "weft: PREFIXMESSAGE", one line without control characters, whatever file or key it quotes.
void complain(const char* prefix, const char* message) noexcept;

/// A line on stderr, such as progress; it is no failure of a run that nobody can read it.
void tell(const std::string& line);

}  // namespace weft::cli
