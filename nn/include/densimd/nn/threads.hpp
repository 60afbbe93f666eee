// How many of the threads offered are worth using.
#pragma once

#include <densimd/version.hpp>

namespace densimd::nn {

/// What threads cost on this machine, in seconds. Of the threads that a call is offered it uses as many as
/// these figures say will save time, often one, and never more than OpenMP offers by omp_get_max_threads:
/// the CPUs, unless OMP_NUM_THREADS says otherwise. No result depends on the number.
struct ThreadCosts {
    double wake;          ///< of starting and ending the work of two threads, after a pause
    double barrier;       ///< of two threads' waiting for each other in the middle of work
    double byte;          ///< of a thread's reading what others write, and of the others' writing it again
    double multiply_add;  ///< by one thread, in a product of matrices
};

/// The costs that decide, unless set: measured in about 25 milliseconds at the first call that is offered more
/// than one thread; those of barriers and of bytes, which depend on where the CPUs are, again at such a call
/// after a tenth of a second, or up to a second where measuring takes long. May be called from any thread.
ThreadCosts thread_costs();

/// Sets them, for measurements and tests: {0, 0, 0, 1} makes every call use all threads that it can. Calls
/// under way in other threads may use either.
void set_thread_costs(const ThreadCosts& costs);

}  // namespace densimd::nn
