from Cython.Build import cythonize
from setuptools import Extension, setup

import gilkit

extension = Extension("tokens", ["tokens.pyx"], include_dirs=[gilkit.get_include()])
setup(ext_modules=cythonize([extension], compiler_directives={"freethreading_compatible": True}))
