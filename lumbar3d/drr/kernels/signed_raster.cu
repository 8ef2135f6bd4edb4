// Signed rasterisation: one thread per triangle, float atomics. The rule and its proof stand in reference.py.
//
// Compile without contraction (--fmad=false): the crossing of an edge with a row must come out the same, to the last
// bit, in the two triangles that share the edge.

// Column (or s) x where the edge between two vertices a and b crosses a row: the mean of both, weighted by w, computed
// from the upper end (smaller v).
__device__ static float crossing(float row, const float* x, const float* v, const float* w, int a, int b) {
    const float height = v[b] - v[a];
    const float below = row - v[a];
    const float weight = w[a] + below * ((w[b] - w[a]) / height);
    return x[a] + below * w[b] * ((x[b] - x[a]) / height) / weight;
}

// Add the signed depth of one triangle to the image of its mesh.
//   uvsw       (V, 4)  column, row, s = 1 - z_ref / z and edge weight of all meshes' vertices
//   faces      (F, 3)  indices into uvsw
//   face_mesh  (F)     which mesh a face belongs to
//   z_ref      (n)     reference depth of each mesh, mm
//   image      (n, rows, columns)
extern "C" __global__ void signed_raster(const float* uvsw, const int* faces, const int* face_mesh, const float* z_ref,
                                         float* image, int face_count, int rows, int columns) {
    const int face = blockIdx.x * blockDim.x + threadIdx.x;
    if (face >= face_count) return;
    const int mesh = face_mesh[face];
    float* target = image + (long long)mesh * rows * columns;
    float u[3], v[3], s[3], w[3];
    for (int k = 0; k < 3; ++k) {
        const float* vertex = uvsw + 4 * (long long)faces[3 * face + k];
        u[k] = vertex[0];
        v[k] = vertex[1];
        s[k] = vertex[2];
        w[k] = vertex[3];
    }
    const int first_row = max(0, (int)ceilf(fminf(v[0], fminf(v[1], v[2]))));
    const int last_row = min(rows - 1, (int)floorf(fmaxf(v[0], fmaxf(v[1], v[2]))));
    const float s_min = fminf(s[0], fminf(s[1], s[2]));
    const float s_max = fmaxf(s[0], fmaxf(s[1], s[2]));
    const float twice_area = (u[1] - u[0]) * (v[2] - v[0]) - (u[2] - u[0]) * (v[1] - v[0]);
    float slope_u = 0.0f, slope_v = 0.0f;
    if (twice_area != 0.0f) {
        slope_u = ((s[1] - s[0]) * (v[2] - v[0]) - (s[2] - s[0]) * (v[1] - v[0])) / twice_area;
        slope_v = ((u[1] - u[0]) * (s[2] - s[0]) - (u[2] - u[0]) * (s[1] - s[0])) / twice_area;
    }
    const bool bent = w[0] != w[1] || w[1] != w[2];  // then s is linear along a row only
    for (int row = first_row; row <= last_row; ++row) {
        float down = 0.0f, up = 0.0f;  // crossings of the edge that runs down the image and of the one that runs up
        float s_down = 0.0f, s_up = 0.0f;
        for (int start = 0; start < 3; ++start) {
            const int end = (start + 1) % 3;
            if (v[start] <= row && row < v[end]) {
                down = crossing(row, u, v, w, start, end);
                if (bent) s_down = crossing(row, s, v, w, start, end);
            }
            if (v[end] <= row && row < v[start]) {
                up = crossing(row, u, v, w, end, start);
                if (bent) s_up = crossing(row, s, v, w, end, start);
            }
        }
        const float u_row = bent ? down : u[0];
        const float s_row = bent ? s_down : s[0] + slope_v * (row - v[0]);
        if (bent) slope_u = up != down ? (s_up - s_down) / (up - down) : 0.0f;
        const float sign = up < down ? z_ref[mesh] : -z_ref[mesh];
        const int first = max(0, (int)ceilf(fminf(down, up)));
        const int last = min(columns - 1, (int)ceilf(fmaxf(down, up)) - 1);
        for (int column = first; column <= last; ++column) {
            float here = s_row + slope_u * (column - u_row);
            here = fminf(fmaxf(here, s_min), s_max);
            atomicAdd(target + (long long)row * columns + column, sign * here / (1.0f - here));
        }
    }
}
