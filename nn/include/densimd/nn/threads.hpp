// How many of the threads offered are worth using, and how they behave in a program with threads of its own.
#pragma once

#include <densimd/version.hpp>

#include <limits>

namespace densimd::nn {

/// What threads cost on this machine, in seconds. Of the threads that a call is offered it uses as many as
/// these figures say will save time, often one, and never more than OpenMP offers by omp_get_max_threads:
/// the CPUs, unless OMP_NUM_THREADS says otherwise. No result depends on the number.
///
/// One thread is used, with the same bits as several, and History::threads says so for fit,
/// - where densimd was built without OpenMP;
/// - where the system grants no more threads (limits of processes or memory): each thread of the program's
///   that is to have a larger team than it had last tries that first, which costs as much again as starting
///   the threads and allocates as that does, and if it fails not again for a second. OpenMP would end the
///   process;
/// - after a fork, in a child of a process that had ever started a thread: GNU's runtime may wait in it for
///   threads that only its parent has. A child that executes a program begins anew;
/// - where a Linux control group grants the time of fewer than two CPUs, and of the CPUs granted no more than
///   whole ones are used: threads that wait awake would use up what others need. The group is read once.
///
/// What stays the OpenMP runtime's, and cannot be changed from within:
/// - its threads stay, asleep, until the thread of the program's that they worked for ends. They have the
///   signal mask of that thread, and stacks of OMP_STACKSIZE, of which 80 KiB are needed;
/// - after work they stay awake for some milliseconds, as long as OMP_WAIT_POLICY and GOMP_SPINCOUNT (with
///   clang's KMP_BLOCKTIME) say when the program starts: on busy CPUs OMP_WAIT_POLICY=passive is better;
/// - told to bind threads to CPUs (OMP_PROC_BIND, OMP_PLACES, GOMP_CPU_AFFINITY), GNU's runtime binds the
///   program's first thread before main, and all that it starts later are bound to the same CPU. Calls leave
///   the CPUs of the thread that calls as they were;
/// - where other parts of the program open regions in between, with fewer threads, some of densimd's end and
///   are started again without a trial.
struct ThreadCosts {
    double wake;          ///< of starting and ending the work of two threads, after a pause
    double barrier;       ///< of two threads' waiting for each other in the middle of work
    double byte;          ///< of a thread's reading what others write, and of the others' writing it again
    double multiply_add;  ///< by one thread, in a product of matrices
    /// CPUs whose time a Linux control group grants the process
    double cpus = std::numeric_limits<double>::infinity();
};

/// The costs that decide, unless set: measured in about 25 milliseconds at the first call that is offered
/// more than one thread; those of barriers and of bytes, which depend on where the CPUs are, again at such a
/// call after a tenth of a second, or up to a second where measuring takes long. May be called from any
/// thread.
ThreadCosts thread_costs();

/// Sets them, for measurements and tests: {0, 0, 0, 1} makes every call use all threads that it can. Calls
/// under way in other threads may use either.
void set_thread_costs(const ThreadCosts& costs);

}  // namespace densimd::nn
