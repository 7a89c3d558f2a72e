// Who is told, in the midst of a pass back, that a parameter's gradient is complete: a parameter's
// first use on the tape is passed last, and behind it nothing is added any more. So what is done with a
// gradient (a sum over ranks) can begin while the rest of the pass still computes. Of Tape::backward
// from a tape's end to its beginning that does not retain; other passes tell nobody.
#pragma once

#include "engine/parameter.h"

namespace weft {

class FinishedGradients {
 public:
  virtual ~FinishedGradients() = default;
  /// p.grad is whole, and may be replaced; undefined: the pass did not reach p.
  virtual void finished(Parameter& p) = 0;
};

/// While it lives, this thread's passes tell `listener`.
class ListenToGradients {
 public:
  explicit ListenToGradients(FinishedGradients& listener);
  ~ListenToGradients();
  ListenToGradients(const ListenToGradients&) = delete;
  ListenToGradients& operator=(const ListenToGradients&) = delete;

 private:
  FinishedGradients* before_;
};

/// Null: nobody listens.
FinishedGradients* gradient_listener();

}  // namespace weft
