// A command run as a child: signals passed on, its exit status taken over.
#pragma once

#include <string>
#include <vector>

namespace kutils::kbroker {

// Blocks the signals that run_child() and wait_for_signal() wait for. Call before any thread starts: threads
// inherit it.
void block_signals();

// Returns the child's exit status, or 128 + n if a signal ended it. A signal sent to us goes to the child
// too; one from the terminal has reached it already. Throws usage_error if the command cannot be started.
int run_child(const std::vector<std::string>& command);

// Returns the signal that came.
int wait_for_signal();

}  // namespace kutils::kbroker
