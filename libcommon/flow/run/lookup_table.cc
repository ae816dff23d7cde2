#include "flow/run/lookup_table.h"

#include "flow/run/run.h"

namespace kutils::flow {
namespace {

class OpenTables {
 public:
  OpenTables(const Job& job, const LookupTables& tables, const Environment& around) : tables_(tables) {
    try {
      for (const auto& table : tables_) table->open(job, around);
    } catch (...) {
      close();
      throw;
    }
  }
  ~OpenTables() { close(); }
  OpenTables(const OpenTables&) = delete;
  OpenTables& operator=(const OpenTables&) = delete;

 private:
  void close() {
    for (const auto& table : tables_) table->close();
  }

  const LookupTables& tables_;
};

}  // namespace

ExitCode run(const Job& job, const LookupTables& tables, const Environment& around) {
  const OpenTables open(job, tables, around);
  // What was asked to end meanwhile has perhaps not read all of them.
  if (const int signal = around.stop.signal(); signal != 0 && !tables.empty())
    return static_cast<ExitCode>(128 + signal);
  return run(job, around);
}

}  // namespace kutils::flow
