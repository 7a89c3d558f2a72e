// The words: keywords of Verilog-AMS 2.3 to 2023 (LRM, annex B); functions, constants and parameters
// that ngspice 39 takes for its own in an expression, or a node (gnd); and what every circuit has.
#include "train/export/circuit/reserved.h"

#include <cctype>
#include <set>
#include <sstream>

namespace weft {
namespace {

const char* const verilog_a_words =
    "above abs absdelay absdelta abstol access acos acosh ac_stim aliasparam always analog "
    "analysis and asin asinh assert assign atan atan2 atanh automatic begin branch break buf "
    "bufif0 bufif1 case casex casez ceil cell cmos config connect connectmodule connectrules "
    "continue continuous cos cosh cross ddt ddt_nature ddx deassign default defparam design "
    "disable discipline discrete domain driver_update edge else end endcase endconfig "
    "endconnectrules enddiscipline endfunction endgenerate endmodule endnature endparamset "
    "endprimitive endspecify endtable endtask event exclude exp expm1 final_step flicker_noise "
    "floor flow for force forever fork from function generate genvar ground highz0 highz1 hypot "
    "idt idtmod idt_nature if ifnone incdir include inf initial initial_step inout input "
    "instance integer join laplace_nd laplace_np laplace_zd laplace_zp large last_crossing "
    "liblist library limexp ln ln1p localparam log macromodule max medium merged min module nand "
    "nature negedge net_resolution nmos noise_table noise_table_log nor noshowcancelled not "
    "notif0 notif1 or output parameter paramset pmos posedge potential pow primitive pull0 pull1 "
    "pulldown pullup pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg release "
    "repeat resolveto return rnmos rpmos rtran rtranif0 rtranif1 scalared sin sinh showcancelled "
    "signed slew small specify specparam split sqrt string strong0 strong1 supply0 supply1 table "
    "tan tanh task time timer tran tranif0 tranif1 transition tri tri0 tri1 triand trior trireg "
    "units unsigned use uwire vectored wait wand weak0 weak1 while white_noise wire wor wreal "
    "xnor xor zi_nd zi_np zi_zd zi_zp ";
const char* const spice_words =
    "agauss arctan aunif e gauss gnd hertz int limit log10 m nint params pi pwl pwr sgn sqr temp "
    "temper ternary_fcn unif ";
const char* const circuit_words = "electrical gmin i polarity v";  // V and I: access functions

std::set<std::string> all_words() {
  std::set<std::string> out;
  for (const char* words : {verilog_a_words, spice_words, circuit_words}) {
    std::istringstream in(words);
    for (std::string word; in >> word;) out.insert(word);
  }
  return out;
}

}  // namespace

bool is_reserved(const std::string& name) {
  static const std::set<std::string> words = all_words();
  return words.count(lower_case(name)) > 0;
}

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace weft
