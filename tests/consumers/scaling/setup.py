from setuptools import setup

setup(cffi_modules=["build_scaling.py:ffi"])
