// Who is found in the environment, and with which library processes are joined.
#include "runtime/comm/Launcher.h"
#include "runtime/comm/Processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <unistd.h>

namespace cleave::rt {
namespace {

using testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Result<Launch> find(const Variables &variables, const std::string &communicator = "") {
  CommunicatorChoice choice;
  EXPECT_TRUE(parseCommunicator(communicator, choice));
  return findLaunch(choice, [&](const char *name) -> const char * {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

// "launcher: process of processes by library"
std::string found(const Variables &variables, const std::string &communicator = "") {
  Result<Launch> launch = find(variables, communicator);
  if (!launch)
    return launch.error().code + ": " + launch.error().message;
  if (launch->launcher.empty())
    return "alone";
  return launch->launcher + ": " + std::to_string(launch->process) + " of " +
         std::to_string(launch->processes) + " by " + nameOf(launch->library);
}

const Variables kOpenMpi = {{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}, {"PMIX_RANK", "3"}};
const Variables kHydra = {{"PMI_SIZE", "4"}, {"PMI_RANK", "1"}, {"PMI_FD", "6"}, {"HYDI_CONTROL_FD", "7"}};
const Variables kSlurm = {{"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}};

Variables with(Variables variables, const Variables &more) {
  variables.insert(more.begin(), more.end());
  return variables;
}

TEST(Launcher, EachIsKnownByItsVariables) {
  EXPECT_EQ(found({}), "alone");
  EXPECT_EQ(found(kOpenMpi), "mpirun of Open MPI: 3 of 4 by Open MPI");
  EXPECT_EQ(found(kHydra), "mpirun of MPICH: 1 of 4 by MPICH");
  EXPECT_EQ(found(with(kSlurm, {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"PMI_FD", "5"}})),
            "srun: 1 of 2 by MPICH");
  EXPECT_EQ(found(with(kSlurm, {{"PMIX_RANK", "1"}})), "srun: 1 of 2 by Open MPI");
  EXPECT_EQ(found({{"WORLD_SIZE", "2"}, {"RANK", "0"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "29500"}}),
            "RANK and WORLD_SIZE: 0 of 2 by MPICH");
}

// What the processes of one machine find each other by, and how many they are.
TEST(Launcher, ARunHasANameOfItsOwn) {
  auto named = [](const Variables &variables) {
    Result<Launch> launch = find(variables);
    return launch->name.substr(0, launch->name.find("-pid:")) + ", " + std::to_string(launch->onMachine) +
           (launch->killsAtOnce ? ", at once" : "");
  };
  EXPECT_EQ(named(with(kOpenMpi, {{"PMIX_NAMESPACE", "77"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}})),
            "openmpi-77, 2");
  EXPECT_EQ(named(kOpenMpi), ", 0");
  EXPECT_EQ(named(with(kHydra, {{"PMI_FD", "no number"}, {"MPI_LOCALNRANKS", "4"}})),
            "mpich-" + std::to_string(getppid()) + ", 4, at once");
  Variables slurm = with(kSlurm, {{"PMIX_RANK", "1"}, {"SLURM_JOB_ID", "12"}, {"SLURM_STEP_ID", "3"}});
  EXPECT_EQ(named(slurm), "slurm-12.3, 0");
  EXPECT_EQ(named(with(slurm, {{"SLURM_STEP_NUM_NODES", "1"}})), "slurm-12.3, 2");
  EXPECT_EQ(named({{"WORLD_SIZE", "2"}, {"RANK", "0"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "29500"}}),
            "master-a:29500, 0");
}

TEST(Launcher, RanksAreCrowdedWhereTheyShareProcessors) {
  using Machines = std::vector<Processes::Machine>;
  auto crowded = [](const Machines &machines, const std::vector<int64_t> &firsts) {
    std::string each;
    for (size_t self = 0; self < machines.size(); ++self)
      each += areCrowded(machines, firsts, static_cast<int64_t>(self)) ? 'c' : '.';
    return each;
  };
  EXPECT_EQ(crowded({{"a", "0 1 "}, {"a", "0 1 "}}, {0, 1, 2}), "..");
  EXPECT_EQ(crowded({{"a", "0 1 "}, {"a", "0 1 "}}, {0, 2, 3}), "cc");
  EXPECT_EQ(crowded({{"a", "0 "}, {"a", "1 "}}, {0, 1, 2}), "..");                  // bound
  EXPECT_EQ(crowded({{"a", "7 "}, {"a", "7 "}, {"a", "8 "}}, {0, 1, 2, 3}), "ccc"); // two on one
  EXPECT_EQ(crowded({{"a", "7 "}, {"a", "7 "}, {"a", "8 9 "}}, {0, 1, 2, 3}),
            "cc.");                                                // who do not touch the third
  EXPECT_EQ(crowded({{"a", "0 "}, {"b", "0 "}}, {0, 1, 2}), ".."); // two machines
}

TEST(Launcher, MpirunWithinATaskOfSlurmIsTheNearerOne) {
  EXPECT_EQ(found(with(kSlurm, kOpenMpi)), "mpirun of Open MPI: 3 of 4 by Open MPI");
  EXPECT_EQ(found(with(kSlurm, kHydra)), "mpirun of MPICH: 1 of 4 by MPICH");
}

TEST(Launcher, ABatchScriptIsOneProcess) {
  EXPECT_EQ(found({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}, {"SLURM_JOB_ID", "1"}}), "alone");
  EXPECT_EQ(found({{"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_PROCID", "0"}}), "srun: 0 of 1 by Open MPI");
}

TEST(Launcher, VariablesThatAreNoNumbersSayNothing) {
  EXPECT_EQ(found({{"WORLD_SIZE", "many"}, {"RANK", "0"}}), "alone");
  EXPECT_EQ(found({{"WORLD_SIZE", "2"}, {"RANK", "2"}}), "alone");
  EXPECT_EQ(found({{"PMI_SIZE", "2"}}), "alone");
}

TEST(Launcher, AChoiceIsTheLaunchersLibraryOrRefused) {
  EXPECT_EQ(found(kOpenMpi, "local"), "alone");
  EXPECT_EQ(found(kOpenMpi, "mpi"), "mpirun of Open MPI: 3 of 4 by Open MPI");
  EXPECT_EQ(found(kOpenMpi, "mpi:openmpi"), "mpirun of Open MPI: 3 of 4 by Open MPI");
  EXPECT_THAT(found(kOpenMpi, "mpi:mpich"),
              HasSubstr("E751: the processes of a program are started and joined by one MPI library, found "
                        "processes started by mpirun of Open MPI and --communicator mpi:mpich"));
  EXPECT_THAT(found(with(kOpenMpi, kHydra)), HasSubstr("E751: "));
  EXPECT_EQ(found(with(kOpenMpi, kHydra), "mpi:mpich"), "mpirun of MPICH: 1 of 4 by MPICH");
  EXPECT_EQ(found(with(kOpenMpi, kHydra), "mpi:openmpi"), "mpirun of Open MPI: 3 of 4 by Open MPI");
  EXPECT_EQ(found(with(kSlurm, {{"PMIX_RANK", "1"}}), "mpi:mpich"),
            "srun: 1 of 2 by MPICH"); // built with PMIx
  CommunicatorChoice choice;
  EXPECT_FALSE(parseCommunicator("nccl", choice));
}

TEST(Launcher, WhatCannotBeJoinedIsRefused) {
  EXPECT_THAT(found(kSlurm),
              HasSubstr("E719: the tasks of srun are joined by a process manager interface, found "
                        "2 tasks without one"));
  EXPECT_THAT(
      found({{"WORLD_SIZE", "2"}, {"RANK", "0"}, {"MASTER_PORT", "1"}}),
      HasSubstr("E719: processes that RANK and WORLD_SIZE number meet at MASTER_ADDR and MASTER_PORT, "
                "found no MASTER_ADDR"));
}

} // namespace
} // namespace cleave::rt
