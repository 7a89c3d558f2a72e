// c_program: header, the function for all tasks, and one for each.
#include "train/export/c_program.h"

#include <cctype>
#include <set>

#include "engine/error.h"
#include "train/export/c_text.h"

namespace weft {
namespace {

std::string extents(const Shape& s) { return fmt::format("[{}][{}][{}]", s[0], s[1], s[2]); }

class Program {
 public:
  Program(const ExportedNetwork& network, const CSourceOptions& options, const CParts& parts)
      : network_(network), options_(options), parts_(parts), ids_(c_task_names(network, options)) {}

  CSource files() const { return {header(), source(), "", parts_.memory_bytes}; }

 private:
  const ExportedNode& node(int i) const { return network_.nodes.at(static_cast<size_t>(i)); }

  std::string run_prototype() const {
    std::string text = fmt::format("void {}_run(const float *input", options_.name);
    for (const std::string& id : ids_) text += fmt::format(", float *out_{}", id);
    return text + ")";
  }
  std::string task_prototype(const std::string& id) const {
    return fmt::format("void {}_run_{}(const float *input, float *out)", options_.name, id);
  }

  std::string header() const {
    const std::string guard = c_upper(options_.name);
    std::string text = fmt::format("/* {}: a network written by weft export.\n", options_.name);
    for (const std::string& line : options_.notes) text += fmt::format(" * {}\n", c_comment(line));
    text += fmt::format(
        " * One thread at a time: values between layers lie in static memory. */\n"
        "#ifndef WEFT_{0}_H\n#define WEFT_{0}_H\n\n",
        guard);
    if (options_.blob) text += "#include <stddef.h>\n\n";
    text += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
    text += fmt::format("#define {}_INPUT {} /* floats: {} */\n", guard, node(0).shape.numel(),
                        extents(node(0).shape));
    for (size_t k = 0; k < ids_.size(); ++k) {
      const Shape& s = node(network_.outputs[k].node).shape;
      text += fmt::format("#define {}_OUT_{} {} /* floats: {} */\n", guard, c_upper(ids_[k]),
                          s.numel(), extents(s));
    }
    text += fmt::format(
        "#define {0}_MEMORY {1} /* bytes, static, beside the weights */\n#define {0}_WEIGHTS {2} "
        "/* "
        "bytes */\n\n",
        guard, parts_.memory_bytes, parts_.weight_bytes);
    if (options_.blob)
      text += fmt::format(
          "/* Before anything runs: the bytes of {0}.bin, aligned as floats, which have to stay.\n"
          "   0; 1: of another size or not aligned; 2: not this network's, or of another byte "
          "order. "
          "*/\nint {0}_load(const void *blob, size_t bytes);\n\n",
          options_.name);
    if (options_.alphabet)
      text += fmt::format(
          "/* A text's numbers, for input: UTF-8 up to its 0. What is longer is cut off. "
          "*/\n{};\n\n",
          c_encode_prototype(options_.name));
    text += "/* Outputs that are null are left out, with what they alone need. */\n";
    text += run_prototype() + ";\n";
    for (const std::string& id : ids_) text += task_prototype(id) + ";\n";
    return text + "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
  }

  std::string source() const {
    return fmt::format(
               "/* {0}: written by weft export; see the header. */\n#include \"{0}.h\"\n\n{1}",
               options_.name, parts_.includes) +
           "#include <stddef.h>\n#include <string.h>\n" + parts_.definitions + encode_function() +
           run_function() + task_functions();
  }

  std::string encode_function() const {
    if (!options_.alphabet) return "";
    return c_encode(options_.name, *options_.alphabet, node(0).shape[1]);
  }

  /// Which tasks need each node.
  std::vector<std::vector<bool>> needed() const {
    const std::vector<bool> none(ids_.size());
    std::vector<std::vector<bool>> by(network_.nodes.size(), none);
    for (size_t k = 0; k < ids_.size(); ++k)
      by[static_cast<size_t>(network_.outputs[k].node)][k] = true;
    for (size_t i = by.size(); i-- > 0;)
      for (int input : network_.nodes[i].inputs)
        for (size_t k = 0; k < ids_.size(); ++k)
          if (by[i][k]) by[static_cast<size_t>(input)][k] = true;
    return by;
  }

  std::string condition(const std::vector<bool>& tasks) const {
    std::string text;
    for (size_t k = 0; k < tasks.size(); ++k)
      if (tasks[k]) text += fmt::format("{}out_{}", text.empty() ? "" : " || ", ids_[k]);
    return text;
  }

  std::string run_function() const {
    const auto by = needed();
    std::string text = fmt::format("\n{} {{\n", run_prototype());
    const std::vector<bool>* open = nullptr;
    for (size_t i = 0; i < network_.nodes.size(); ++i) {
      if (parts_.calls[i].empty()) continue;
      if (open == nullptr || by[i] != *open)
        text += fmt::format("{}  if ({}) {{\n", open == nullptr ? "" : "  }\n", condition(by[i]));
      open = &by[i];
      text += fmt::format("    /* {} */\n{}", c_comment(network_.nodes[i].name), parts_.calls[i]);
    }
    if (open != nullptr) text += "  }\n";
    for (size_t k = 0; k < ids_.size(); ++k)
      if (!parts_.outputs[k].empty())
        text += fmt::format("  if (out_{}) {}\n", ids_[k], parts_.outputs[k]);
    return text + "}\n";
  }

  std::string task_functions() const {
    std::string text;
    for (size_t k = 0; k < ids_.size(); ++k) {
      text += fmt::format("\n{} {{ {}_run(input", task_prototype(ids_[k]), options_.name);
      for (size_t j = 0; j < ids_.size(); ++j) text += j == k ? ", out" : ", NULL";
      text += "); }\n";
    }
    return text;
  }

  const ExportedNetwork& network_;
  const CSourceOptions& options_;
  const CParts& parts_;
  std::vector<std::string> ids_;
};

}  // namespace

std::string c_upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string c_comment(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  if (!text.empty() && text.back() == '\\') text += " .";
  for (const auto& [mark, apart] : {std::pair{"*/", "* /"}, std::pair{"/*", "/ *"}})
    for (size_t at; (at = text.find(mark)) != std::string::npos;) text.replace(at, 2, apart);
  return text;
}

std::vector<std::string> c_task_names(const ExportedNetwork& network,
                                      const CSourceOptions& options) {
  if (options.name.empty() || c_identifier(options.name) != options.name)
    throw ConfigError(fmt::format(
        "export: '{}' is no name for C functions: letters, digits and _, no digit first",
        options.name));
  std::vector<std::string> ids;
  std::set<std::string> taken;
  for (const ExportedOutput& out : network.outputs) {
    ids.push_back(c_identifier(out.task));
    if (!taken.insert(c_upper(ids.back())).second)
      throw ConfigError(fmt::format("export: task '{}' has the C name {}, as another one has",
                                    out.task, ids.back()));
  }
  return ids;
}

std::string c_identifier(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += fits ? c : '_';
  }
  return out.empty() || (out[0] >= '0' && out[0] <= '9') ? "_" + out : out;
}

CSource c_program(const ExportedNetwork& network, const CSourceOptions& options,
                  const CParts& parts) {
  return Program(network, options, parts).files();
}

}  // namespace weft
