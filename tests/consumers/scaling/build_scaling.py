from cffi import FFI

ffi = FFI()
ffi.cdef("""
    typedef struct { double factor; double *values; } scaling;
    void scale(int64_t begin, int64_t end, void *data);
""")
ffi.set_source(
    "_scaling",
    """
    typedef struct { double factor; double *values; } scaling;

    static void scale(int64_t begin, int64_t end, void *data)
    {
        scaling *s = data;
        for (int64_t i = begin; i < end; i++)
            s->values[i] *= s->factor;
    }
""",
)
