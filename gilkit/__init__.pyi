from gilkit._call import CancelToken as CancelToken
from gilkit._version import __version__ as __version__
from gilkit.kernels.mandelbrot import mandelbrot as mandelbrot
from gilkit.kernels.pi import pi as pi
from gilkit.kernels.spin import spin as spin
from gilkit.runtime import info as info
from gilkit.runtime import num_threads as num_threads
from gilkit.runtime import set_num_threads as set_num_threads
from gilkit.runtime import threads as threads
from gilkit.runtime import timeout as timeout

def get_include() -> str: ...
