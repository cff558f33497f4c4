// A program from its file to its results, in one object: what the tools and tests use. Other programs use
// runtime/abi/compiler.hpp.
//
//   cleave::Session session;
//   session.load("gpt.dsl", {{"Layers", "4"}});          // reads and checks
//   session.compile();                                   // native code
//   session.initialise(/*seed=*/1);                      // or session.resume("gpt.safetensors")
//   session.setInput("sample", "prompt", bytes, size);
//   for (int i = 0; i < 100; ++i)
//     if (cleave::rt::Status status = session.run("train"); !status) ...
//   float loss = session.output("train", "loss")->as<float>()[0];
//   session.save("gpt.safetensors");
//
// Or, with no compiler at work: session.open("gpt.cleave") instead of load() and compile().
//
// Every call returns its error; those of the program's text are in diagnostics() too, all of them.
#ifndef CLEAVE_COMPILER_DRIVER_SESSION_H
#define CLEAVE_COMPILER_DRIVER_SESSION_H

#include "compiler/driver/Driver.h"
#include "compiler/driver/SameProgram.h"
#include "runtime/core/SpreadRanks.h"

namespace cleave {

struct SessionOptions : rt::InstanceOptions {
  SessionOptions(rt::InstanceOptions given = {}) : InstanceOptions(std::move(given)) {}
  int64_t mostRanks = 0;       // that may be started in this process; 0: eight for each processor
  double timeoutSeconds = 600; // for which ranks may wait for one of them; 0: for ever
  // The processes that share the ranks; null: all ranks are in this one. Process 0 uses its session as any
  // other; the others load() or open() the same program, then serve().
  std::shared_ptr<rt::Processes> processes;
  int64_t ranksPerProcess = 1;
  std::string tracePart;                   // see SpreadOptions
  std::shared_ptr<rt::ProcessWatch> watch; // of these processes; may be null
};

class Session {
public:
  // `options.threads` is that of a rank; 0: the processors are shared out.
  explicit Session(SessionOptions options = {});
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  // Reads and checks a program. E717 where other processes have another one. `sets` overrides axis sizes and
  // hyper-parameters.
  rt::Status load(const std::string &file, const std::map<std::string, std::string> &sets = {});
  // The same with every option of the driver.
  rt::Status load(DriverOptions options);

  // Compiles what was loaded and makes its instance, or the ranks of its plan's mesh. Its state is zero until
  // initialise() or resume(). E715 where the mesh has more ranks than may be started.
  rt::Status compile();

  // Instead of load() and compile(): makes the same of an artefact. E8xx.
  rt::Status open(const std::string &artefact);

  // Instead of compile(), in a process other than 0: its ranks do what process 0 says, until its session
  // goes.
  rt::Status serve();

  // Initial values for every state.
  rt::Status initialise(int64_t seed = 0) { return running->initialise(seed); }
  // Every state from a file that save() wrote.
  rt::Status resume(const std::string &path) { return running->load(path); }

  rt::Status setInput(const std::string &entry, const std::string &input, const void *data, int64_t bytes) {
    return running->setInput(entry, input, data, bytes);
  }
  rt::Status run(const std::string &entry) { return running->run(entry); }
  rt::Result<rt::TensorView> output(const std::string &entry, const std::string &name) const {
    return running->output(entry, name);
  }
  rt::Status save(const std::string &path) const { return running->save(path); }

  // After load(); the engine always.
  Driver &driver() { return *loaded; }
  diag::Engine &engine() { return *diagnosed; }
  // After compile() or open(): everything else that can be done with it.
  rt::Runnable &runnable() { return *running; }
  // Whether its ranks are in several processes.
  bool isSpread() const { return options.processes != nullptr; }
  // The same where there is one rank.
  rt::Instance &instance() { return *single; }
  // After open() or compile(): target, sizes and hyper-parameters.
  const rt::ArtefactFacts &facts() const { return made; }

  // What was found in the program's text, as text for people.
  std::string diagnostics() const;

private:
  rt::Error rejected() const;
  rt::Status start(const rt::Artefact &artefact);
  rt::Status startRanks(const rt::Artefact &artefact);
  rt::Status spread(rt::Artefact artefact, const std::string &bytes);
  rt::SpreadOptions spreadOptions() const;
  rt::Status agreeOnText(bool good);
  rt::Status agree(const SameProgram &mine);
  void release();

  SessionOptions options;
  std::unique_ptr<diag::Engine> diagnosed;
  std::unique_ptr<Driver> loaded;
  rt::ArtefactFacts made;
  std::unique_ptr<rt::Runnable> running;
  rt::Instance *single = nullptr; // what runs, where that is one rank
  bool hasMet = false;            // the other processes: they know whether all run one program
  bool hasAgreed = false;         // and do; they wait for what process 0 says
};

} // namespace cleave

#endif
