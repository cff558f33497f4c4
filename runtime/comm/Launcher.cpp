#include "runtime/comm/Launcher.h"

#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

namespace cleave::rt {

namespace {

// A launcher that claims this process.
struct Claim {
  const char *launcher;
  std::optional<MpiLibrary> library; // that it is part of
  int64_t processes, process;
};

std::optional<int64_t> numberOf(const Environment &environment, const char *name) {
  const char *text = environment(name);
  char *end = nullptr;
  long long value = text ? std::strtoll(text, &end, 10) : 0;
  if (!text || end == text || *end || value < 0)
    return std::nullopt;
  return value;
}

std::optional<Claim> claimOf(const Environment &environment, const char *launcher,
                             std::optional<MpiLibrary> library, const char *size, const char *rank) {
  std::optional<int64_t> processes = numberOf(environment, size), process = numberOf(environment, rank);
  if (!processes || !process || *process >= *processes)
    return std::nullopt;
  return Claim{launcher, library, *processes, *process};
}

Error twoLibraries(const std::string &found, std::string hint) {
  return {"E751",
          "the processes of a program are started and joined by one MPI library, found " + found,
          "",
          {},
          std::move(hint)};
}

// srun has joined its tasks to a process manager or it has not.
Result<Claim> claimOfSlurm(const Environment &environment, Claim claim) {
  if (environment("PMI_FD") || environment("PMI_RANK"))
    claim.library = MpiLibrary::Mpich;
  else if (environment("PMIX_RANK"))
    claim.library = MpiLibrary::OpenMpi;
  else if (claim.processes > 1)
    return Error{"E719",
                 "the tasks of srun are joined by a process manager interface, found " +
                     std::to_string(claim.processes) + " tasks without one",
                 "",
                 {"`srun --mpi=list` shows what this Slurm has"},
                 "start them with srun --mpi=pmi2 (MPICH) or srun --mpi=pmix (Open MPI)"};
  return claim;
}

Result<std::optional<Claim>> findClaim(const Environment &environment) {
  std::optional<Claim> openMpi = claimOf(environment, "mpirun of Open MPI", MpiLibrary::OpenMpi,
                                         "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK");
  // A batch script has SLURM_NTASKS too, and is one process all the same.
  std::optional<Claim> slurm =
      claimOf(environment, "srun", std::nullopt, "SLURM_STEP_NUM_TASKS", "SLURM_PROCID");
  std::optional<Claim> hydra =
      claimOf(environment, "mpirun of MPICH", MpiLibrary::Mpich, "PMI_SIZE", "PMI_RANK");
  std::optional<Claim> variables =
      claimOf(environment, "RANK and WORLD_SIZE", MpiLibrary::Mpich, "WORLD_SIZE", "RANK");
  // mpirun may itself be started by srun, within a task: what it says is nearer.
  if (openMpi && hydra && !slurm)
    return twoLibraries(
        "the variables of Open MPI's launcher (OMPI_COMM_WORLD_SIZE = " + std::to_string(openMpi->processes) +
            ") and of MPICH's (PMI_SIZE = " + std::to_string(hydra->processes) + ")",
        "say which with --communicator mpi:openmpi or mpi:mpich");
  if (openMpi)
    return openMpi;
  if (hydra && environment("HYDI_CONTROL_FD"))
    return hydra;
  if (slurm) {
    Result<Claim> claim = claimOfSlurm(environment, *slurm);
    if (!claim)
      return claim.error();
    return std::optional<Claim>(*claim);
  }
  return hydra ? hydra : variables;
}

// The process that has started those of this machine, and joins them: it has made the connection PMI_FD.
std::string starterOf(const Environment &environment) {
  std::optional<int64_t> file = numberOf(environment, "PMI_FD");
  ucred who = {};
  socklen_t size = sizeof(who);
  bool isKnown = file && getsockopt(static_cast<int>(*file), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0;
  return std::to_string(isKnown && who.pid > 0 ? who.pid : getppid());
}

// Processes of containers may have one network and the same numbers.
std::string processSpace() {
  char text[64] = "";
  ssize_t length = readlink("/proc/self/ns/pid", text, sizeof(text) - 1); // "pid:[4026531836]"
  return length > 0 ? "-" + std::string(text, static_cast<size_t>(length)) : "";
}

// What only this run's processes of a machine have alike, and how many they are.
void nameRun(const Environment &environment, Launch &launch) {
  auto text = [&](const char *name) { return std::string(environment(name) ? environment(name) : ""); };
  auto number = [&](const char *name) { return numberOf(environment, name).value_or(0); };
  if (launch.launcher == "srun") {
    launch.name = "slurm-" + text("SLURM_JOB_ID") + "." + text("SLURM_STEP_ID");
    launch.onMachine = number("SLURM_STEP_NUM_NODES") == 1 ? launch.processes : 0;
  } else if (launch.launcher == "mpirun of Open MPI") {
    launch.name = text("PMIX_NAMESPACE").empty() ? "" : "openmpi-" + text("PMIX_NAMESPACE") + processSpace();
    launch.onMachine = number("OMPI_COMM_WORLD_LOCAL_SIZE");
  } else if (!launch.master.empty()) {
    launch.name = "master-" + launch.master;
    launch.onMachine = number("LOCAL_WORLD_SIZE");
  } else {
    launch.name = "mpich-" + starterOf(environment) + processSpace();
    launch.onMachine = number("MPI_LOCALNRANKS");
    launch.killsAtOnce = true;
  }
}

} // namespace

const char *nameOf(MpiLibrary library) { return library == MpiLibrary::OpenMpi ? "Open MPI" : "MPICH"; }

bool parseCommunicator(const std::string &text, CommunicatorChoice &choice) {
  choice = {};
  if (text.empty())
    return true;
  choice.kind = text == "local" ? CommunicatorChoice::Kind::Local : CommunicatorChoice::Kind::Mpi;
  choice.hasLibrary = text == "mpi:openmpi" || text == "mpi:mpich";
  choice.library = text == "mpi:mpich" ? MpiLibrary::Mpich : MpiLibrary::OpenMpi;
  return text == "local" || text == "mpi" || choice.hasLibrary;
}

Result<Launch> findLaunch(const CommunicatorChoice &choice, const Environment &environment) {
  Launch launch;
  if (choice.kind == CommunicatorChoice::Kind::Local)
    return launch;
  // The other library's variables are passed over where the choice says whose count.
  Environment seen = [&](const char *name) -> const char * {
    bool isOpenMpis = std::string(name).rfind("OMPI_", 0) == 0,
         isHydras = std::string(name).rfind("PMI_", 0) == 0;
    bool both = environment("OMPI_COMM_WORLD_SIZE") && environment("PMI_SIZE");
    if (choice.hasLibrary && both && (choice.library == MpiLibrary::OpenMpi ? isHydras : isOpenMpis))
      return nullptr;
    return environment(name);
  };
  Result<std::optional<Claim>> claim = findClaim(seen);
  if (!claim)
    return claim.error();
  if (!*claim)
    return launch;
  launch.launcher = (*claim)->launcher;
  launch.processes = (*claim)->processes;
  launch.process = (*claim)->process;
  launch.library = (*claim)->library.value_or(choice.library);
  if (choice.hasLibrary && choice.library != launch.library && launch.launcher != "srun")
    return twoLibraries("processes started by " + launch.launcher + " and --communicator mpi:" +
                            (choice.library == MpiLibrary::Mpich ? "mpich" : "openmpi"),
                        std::string("start them with the mpirun of ") + nameOf(choice.library));
  if (choice.hasLibrary)
    launch.library = choice.library;
  if (launch.launcher == "RANK and WORLD_SIZE" && launch.processes > 1) {
    const char *host = environment("MASTER_ADDR"), *port = environment("MASTER_PORT");
    if (!host || !port)
      return Error{"E719",
                   "processes that RANK and WORLD_SIZE number meet at MASTER_ADDR and MASTER_PORT, found " +
                       std::string(host ? "no MASTER_PORT" : "no MASTER_ADDR"),
                   "",
                   {},
                   "or start them with mpirun"};
    launch.master = std::string(host) + ":" + port;
  }
  nameRun(seen, launch);
  return launch;
}

Result<Launch> findLaunch(const CommunicatorChoice &choice) {
  return findLaunch(choice, [](const char *name) -> const char * { return std::getenv(name); });
}

Claimed claimedPlace() {
  Environment environment = [](const char *name) -> const char * { return std::getenv(name); };
  auto first = [&](std::initializer_list<const char *> names, int64_t otherwise) {
    for (const char *name : names)
      if (std::optional<int64_t> number = numberOf(environment, name))
        return *number;
    return otherwise;
  };
  Claimed place;
  place.process = first({"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID", "RANK"}, 0);
  place.onMachine =
      first({"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID", "LOCAL_RANK"}, place.process);
  return place;
}

} // namespace cleave::rt
