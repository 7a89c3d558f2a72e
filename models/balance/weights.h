// What a method hands back: weights w_i of the tasks that it was given, in their order, so that the
// step goes along d = sum_i w_i g_i (or minimises sum_i w_i L_i), and what was odd about them.
// Methods are never silent and never give NaN: where a formula has no value (a gradient of 0, a sum
// of 0, gradients that cancel), the note says what was done instead.
#pragma once

#include <string>
#include <vector>

#include "models/balance/matrix.h"

namespace weft::balance {

struct Note {
  std::string text;           ///< "no gradient: left out"
  std::vector<size_t> tasks;  ///< of which of the tasks given; empty: of all
};

struct Weights {
  Vector w;
  std::vector<Note> notes;
};

/// n weights of 1 / n.
Vector mean_weights(size_t n);
/// Adds a note on each task of which `flag` holds, if there are any.
template <class Flag>
void note_where(std::vector<Note>& notes, size_t n, const char* text, Flag&& flag) {
  Note note{text, {}};
  for (size_t i = 0; i < n; ++i)
    if (flag(i)) note.tasks.push_back(i);
  if (!note.tasks.empty()) notes.push_back(std::move(note));
}
template <class Flag>
void note_where(Weights& out, size_t n, const char* text, Flag&& flag) {
  note_where(out.notes, n, text, std::forward<Flag>(flag));
}
/// Runs `method` on the gradients that are not 0 and gives the others weight 0, with a note. What
/// has no gradient has no part in d.
template <class Method>
Weights where_nonzero(const Matrix& gram, Method&& method) {
  const std::vector<size_t> some = nonzero(gram);
  Weights out{Vector(gram.n, 0.0), {}};
  if (!some.empty()) {
    Weights inner = method(some.size() == gram.n ? gram : part(gram, some));
    for (size_t i = 0; i < some.size(); ++i) out.w[some[i]] = inner.w[i];
    for (Note& note : inner.notes) {
      for (size_t& task : note.tasks) task = some[task];
      out.notes.push_back(std::move(note));
    }
  }
  note_where(out, gram.n, "the gradient is 0: left out", [&](size_t i) { return gram(i, i) <= 0; });
  return out;
}

}  // namespace weft::balance
