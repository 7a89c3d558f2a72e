// One pointer for each thread.
#include "engine/finished_gradients.h"

#include <utility>

namespace weft {
namespace {

thread_local FinishedGradients* listener_here = nullptr;

}  // namespace

FinishedGradients* gradient_listener() { return listener_here; }

ListenToGradients::ListenToGradients(FinishedGradients& listener)
    : before_(std::exchange(listener_here, &listener)) {}
ListenToGradients::~ListenToGradients() { listener_here = before_; }

}  // namespace weft
