// The events of the Nexmark benchmark: an auction house with persons, auctions and bids, 1 : 3 : 46, with the fields, proportions
// and hot spots of its standard generator. Each event is made from the seed and its own number alone, so that the bids of a
// stream of bids are those of the stream of all events.
#pragma once

#include "kgen/generators.h"

namespace kutils {

std::unique_ptr<Generator> make_nexmark(
    const GeneratorOptions& options);  // all, told apart by the field `event`
std::unique_ptr<Generator> make_nexmark_persons(const GeneratorOptions& options);
std::unique_ptr<Generator> make_nexmark_auctions(const GeneratorOptions& options);
std::unique_ptr<Generator> make_nexmark_bids(const GeneratorOptions& options);

}  // namespace kutils
