// What the kernels share. They are compiled as one text, this file first.
//
// Sums are taken in an order that does not depend on which thread comes first: no float is added
// atomically. Counters are, for whole numbers add up to the same in any order, and what is put
// where a counter says is sorted afterwards.

typedef long long i64;
typedef unsigned long long u64;
typedef unsigned int u32;

#define ALL_LANES 0xffffffffu

// The sum over the 32 lanes of a warp, known to the first.
__device__ inline float sum_of_warp(float x) {
    for (int step = 16; step > 0; step >>= 1) x += __shfl_down_sync(ALL_LANES, x, step);
    return x;
}

// The place of a number in an ascending list, or -1.
__device__ inline i64 place_of(const int* numbers, i64 first, i64 last, int wanted) {
    i64 low = first, high = last;
    while (low < high) {
        const i64 middle = (low + high) >> 1;
        if (numbers[middle] < wanted) low = middle + 1;
        else high = middle;
    }
    return low < last && numbers[low] == wanted ? low : -1;
}

// A score and an id as one number above 0: larger for a larger score, then for a smaller id.
__device__ inline u64 key_of(float score, int id) {
    const u32 bits = __float_as_uint(score + 0.0f);  // for -0 is 0
    const u32 ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (u64)ordered << 32 | (0xffffffffu - (u32)id);
}

// The rank-th largest of m keys (rank from 1 to m), found by all threads of a block, a byte at a
// time from the highest: count how often each of its values occurs among the keys that agree with
// what is known.
template <typename Key>
__device__ u64 nth_largest(Key key, i64 m, i64 rank) {
    __shared__ int counts[256];
    __shared__ u64 known;
    __shared__ i64 left;
    if (threadIdx.x == 0) {
        known = 0;
        left = rank;
    }
    u64 mask = 0;
    for (int shift = 56; shift >= 0; shift -= 8) {
        for (int b = threadIdx.x; b < 256; b += blockDim.x) counts[b] = 0;
        __syncthreads();
        for (i64 t = threadIdx.x; t < m; t += blockDim.x) {
            const u64 k = key(t);
            if ((k & mask) == known) atomicAdd(&counts[(k >> shift) & 255], 1);
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            int byte = 255;
            while (counts[byte] < left) left -= counts[byte--];
            known |= (u64)byte << shift;
        }
        mask |= (u64)255 << shift;
        __syncthreads();
    }
    return known;
}
