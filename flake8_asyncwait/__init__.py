import sys

__version__ = "0.2.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.wait_any import wait_any as wait_any
else:

    class _Package(type(sys)):
        """This package: its `wait_any` is always the function, and costs nothing until used.

        Python sets it to the module of that name when that is imported, which must not stay.
        """

        @property
        def wait_any(self):
            from flake8_asyncwait.wait_any import wait_any

            return wait_any

        @wait_any.setter
        def wait_any(self, module):
            pass

    sys.modules[__name__].__class__ = _Package
