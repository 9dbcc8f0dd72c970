from Cython.Build import cythonize
from setuptools import Extension, setup

import gilkit

extension = Extension("forgetful", ["forgetful.pyx"], include_dirs=[gilkit.get_include()])
setup(ext_modules=cythonize([extension], compiler_directives={"freethreading_compatible": True}))
