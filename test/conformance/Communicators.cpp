#include "test/conformance/Communicators.h"

#include "runtime/comm/local/Local.h"

#include <thread>

namespace cleave::rt::test {

const std::vector<CommunicatorKind> &communicators() {
  static const std::vector<CommunicatorKind> kAll = {
      {"local",
       [](int64_t ranks, double timeoutSeconds, const std::function<void(Communicator &)> &body) {
         std::vector<std::unique_ptr<Communicator>> ends = makeLocal(ranks, {timeoutSeconds});
         std::vector<std::thread> threads;
         threads.reserve(ranks);
         for (std::unique_ptr<Communicator> &end : ends)
           threads.emplace_back([&body, &end] { body(*end); });
         for (std::thread &thread : threads)
           thread.join();
       }},
  };
  return kAll;
}

} // namespace cleave::rt::test
