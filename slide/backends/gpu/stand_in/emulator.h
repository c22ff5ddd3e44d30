// CUDA's language on one thread of a CPU: enough to run the kernels of this package as they are.
//
// Every thread of a block is a coroutine that gives way at a barrier; blocks run one after the
// other. In which order the threads of a block go on is a choice, for no result may depend on it.
// A barrier that some threads of a block, or lanes of a warp, never reach ends the launch.

#include <csetjmp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __shared__ static

struct Place { unsigned x; };
static Place threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {

enum State { READY, AT_BLOCK, AT_WARP, DONE };
constexpr size_t STACK = 1 << 16;
constexpr unsigned LANES = 32;

struct Thread {
    State state;
    int line;  // of the barrier that it waits at
    bool has_begun;
    float lane_value;
    ucontext_t start;
    jmp_buf here;
};

static std::vector<Thread> threads;
static std::vector<char> stacks;
static jmp_buf scheduler;
static void (*body)();

inline Thread& current() { return threads[threadIdx.x]; }

inline void give_way(State state, int line) {
    Thread& thread = current();
    thread.state = state;
    thread.line = line;
    if (_setjmp(thread.here) == 0) _longjmp(scheduler, 1);
}

inline void run_body() {
    body();
    current().state = DONE;
    _longjmp(scheduler, 1);
}

inline void go_on(unsigned number) {
    Thread& thread = threads[number];
    threadIdx.x = number;
    if (_setjmp(scheduler) != 0) return;
    if (thread.has_begun) _longjmp(thread.here, 1);
    thread.has_begun = true;
    setcontext(&thread.start);
}

// Lets threads first to last pass if all of them wait at the same barrier; whether they did.
inline bool release(unsigned first, unsigned last, State state) {
    for (unsigned t = first; t < last; ++t)
        if (threads[t].state != state || threads[t].line != threads[first].line) return false;
    for (unsigned t = first; t < last; ++t) threads[t].state = READY;
    return true;
}

constexpr unsigned MULTIPLIER = 1031;  // a prime above any number of threads of a block

// The next number of the order: ascending, descending, or shuffled.
inline unsigned place(unsigned t, unsigned n, int order) {
    return order == 0 ? t : order == 1 ? n - 1 - t : (t * MULTIPLIER + 3) % n;
}

inline bool run_block(unsigned n, int order) {
    for (unsigned t = 0; t < n; ++t) {
        Thread& thread = threads[t];
        thread.state = READY;
        thread.has_begun = false;
        getcontext(&thread.start);
        thread.start.uc_stack.ss_sp = stacks.data() + t * STACK;
        thread.start.uc_stack.ss_size = STACK;
        thread.start.uc_link = nullptr;
        makecontext(&thread.start, run_body, 0);
    }
    for (;;) {
        bool has_moved = false, are_done = true;
        for (unsigned t = 0; t < n; ++t) {
            const unsigned number = place(t, n, order);
            if (threads[number].state != READY) continue;
            go_on(number);
            has_moved = true;
        }
        for (unsigned t = 0; t < n; ++t) are_done &= threads[t].state == DONE;
        if (are_done) return true;
        has_moved |= release(0, n, AT_BLOCK);
        for (unsigned first = 0; first + LANES <= n; first += LANES)
            has_moved |= release(first, first + LANES, AT_WARP);
        if (!has_moved) return false;
    }
}

// Runs all blocks of a launch: 0, or 1 if threads waited for others in vain.
inline int run(unsigned n_blocks, unsigned n_threads, int order) {
    threads.resize(n_threads);
    stacks.resize(n_threads * STACK);
    blockDim.x = n_threads;
    gridDim.x = n_blocks;
    for (blockIdx.x = 0; blockIdx.x < n_blocks; ++blockIdx.x)
        if (!run_block(n_threads, order)) return 1;
    return 0;
}

template <typename T> T unpacked(void* argument) {
    T value;
    memcpy(&value, argument, sizeof value);
    return value;
}

// A launch of `kernel` with the arguments that the pointers point to.
template <typename... A>
int launch(void (*kernel)(A...), void** arguments, unsigned n_blocks, unsigned n_threads, int order) {
    static std::tuple<A...> given;
    static void (*wanted)(A...);
    int i = 0;
    given = std::tuple<A...>{unpacked<A>(arguments[i++])...};
    wanted = kernel;
    body = [] { std::apply(wanted, given); };
    return run(n_blocks, n_threads, order);
}

}  // namespace emulator

#define __syncthreads() emulator::give_way(emulator::AT_BLOCK, __LINE__)
#define __syncwarp() emulator::give_way(emulator::AT_WARP, __LINE__)

inline float value_of_lane(float x, unsigned source, int line) {
    emulator::current().lane_value = x;
    emulator::give_way(emulator::AT_WARP, line);
    const unsigned first = threadIdx.x / emulator::LANES * emulator::LANES;
    const float found = emulator::threads[first + source % emulator::LANES].lane_value;
    emulator::give_way(emulator::AT_WARP, -line);
    return found;
}

inline float lane_below(float x, unsigned step, int line) {
    const unsigned lane = threadIdx.x % emulator::LANES;
    return value_of_lane(x, lane + step < emulator::LANES ? lane + step : lane, line);
}

#define __shfl_sync(mask, x, source) value_of_lane(x, source, __LINE__)
#define __shfl_down_sync(mask, x, step) lane_below(x, step, __LINE__)

inline int atomicAdd(int* counter, int n) {
    const int before = *counter;
    *counter += n;
    return before;
}

inline unsigned __float_as_uint(float x) {
    unsigned bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
