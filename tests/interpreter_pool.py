"""gilkit in sub-interpreters: the example of docs/sub-interpreters.md, for Python 3.14."""

from concurrent.futures import InterpreterPoolExecutor


def estimate(seed):
    import gilkit

    return gilkit.pi(10**6, seed=seed)


if __name__ == "__main__":
    with InterpreterPoolExecutor(4) as executor:
        print(*executor.map(estimate, range(8)))
