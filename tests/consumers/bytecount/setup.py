from setuptools import Extension, setup

import gilkit

setup(ext_modules=[Extension("bytecount", ["bytecount.c"], include_dirs=[gilkit.get_include()])])
