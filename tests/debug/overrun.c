/* SPDX-License-Identifier: MIT */
/* An extension of CPython with a mistake: it writes 40 bytes behind the 60 that it asked for. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static __attribute__((noinline)) void fill(char *text, size_t nbytes)
{
	for (size_t i = 0; i < nbytes; i++)
		((volatile char *)text)[i] = 'A';
}

static PyObject *overrun(PyObject *self, PyObject *args)
{
	char *text = PyMem_Malloc(60);

	(void)self;
	(void)args;
	if (!text)
		return PyErr_NoMemory();
	fill(text, 60 + 40);
	PyMem_Free(text);
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"overrun", overrun, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {
	.m_base = PyModuleDef_HEAD_INIT,
	.m_name = "overrun",
	.m_size = -1,
	.m_methods = methods,
};

PyMODINIT_FUNC PyInit_overrun(void)
{
	return PyModule_Create(&module);
}
