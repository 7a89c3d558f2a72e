// parse_arguments: options anywhere, "--key value" or "--key=value".
#include "runner/arguments.h"

#include "engine/error.h"
#include "engine/version.h"
#include "io/number_text.h"

namespace weft::runner {
namespace {

int whole(const std::string& option, const std::string& text, int least, int most) {
  const auto number = number_of(text);
  if (!number || *number < least || *number > most || *number != static_cast<int>(*number))
    throw ConfigError(
        fmt::format("{}: '{}' is no whole number from {} to {}", option, text, least, most));
  return static_cast<int>(*number);
}

}  // namespace

std::string help_text() {
  return fmt::format(
      "weft-run {}: runs what `weft export --format safetensors` wrote\n\n"
      "  weft-run NETWORK.safetensors INPUT... [options]\n\n"
      "INPUT: pictures (PNG, JPEG, npy), folders of them, or CSV files. Per task a PNG and an npy, "
      "or\n"
      "a line here, and predictions.csv; of FILE.csv FILE-predicted.csv: what `weft predict` "
      "gives,\n"
      "but for slopes (predicted.gm), overlays and curves. On stderr the time that the network "
      "took,\n"
      "for each task (the layers that lead to it) and for all of them, there also of "
      "processors.\n\n"
      "  --out FOLDER      where to write (default: pictures or predictions beside NETWORK)\n"
      "  --threads N       threads (default: 1)\n"
      "  --repeat N        N more passes of the first input, for their time\n"
      "  --kernels NAME    avx512, avx2 or plain (default: the first that this CPU has)\n"
      "  --raw             INPUT is two files: plain f32 to read, [H][W][C] after [H][W][C] as "
      "the\n"
      "                    network sees them, and one to write, [h][w][C] of every task\n"
      "  --size HxW        of raw pictures (default: as exported)\n",
      version());
}

Arguments parse_arguments(int argc, const char* const* argv) {
  Arguments out;
  std::vector<std::string> places;
  for (int i = 1; i < argc; ++i) {
    std::string option = argv[i];
    if (option.rfind("--", 0) != 0) {
      places.push_back(option);
      continue;
    }
    if (option == "--help" || option == "--raw") {
      (option == "--raw" ? out.raw : out.help) = true;
      continue;
    }
    const size_t equals = option.find('=');
    const bool joined = equals != std::string::npos;
    const std::string joined_value = joined ? option.substr(equals + 1) : "";
    option.resize(joined ? equals : option.size());
    const auto value = [&] {
      if (joined) return joined_value;
      if (i + 1 == argc) throw ConfigError(option + ": what is its value? (--help)");
      return std::string(argv[++i]);
    };
    if (option == "--out") {
      out.out = value();
    } else if (option == "--kernels") {
      out.kernels = value();
    } else if (option == "--threads") {
      out.threads = whole(option, value(), 1, 256);
    } else if (option == "--repeat") {
      out.repeat = whole(option, value(), 0, 10'000'000);
    } else if (option == "--size") {
      const std::string text = value();
      const size_t by = text.find('x');
      if (by == std::string::npos)
        throw ConfigError(fmt::format("--size: '{}' is no HEIGHTxWIDTH, such as 321x321", text));
      out.height = whole(option, text.substr(0, by), 1, 1 << 15);
      out.width = whole(option, text.substr(by + 1), 1, 1 << 15);
    } else {
      throw ConfigError(option + ": there is no such option (--help)");
    }
  }
  if (out.help) return out;
  if (places.size() < 2)
    throw ConfigError("weft-run NETWORK.safetensors INPUT... (--help says more)");
  out.network = places[0];
  out.inputs.assign(places.begin() + 1, places.end());
  if (out.raw && out.inputs.size() != 2)
    throw ConfigError("--raw: two files, one to read and one to write");
  if (!out.raw && out.height > 0)
    throw ConfigError("--size: is for --raw; pictures have their own");
  return out;
}

}  // namespace weft::runner
