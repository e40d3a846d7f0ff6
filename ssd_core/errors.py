"""The one exception that is meant for the user's eyes."""


class UserError(Exception):
    """Something the user can fix: the message is one sentence that names the thing and the fix.

    The command line prints it and exits non-zero; the pytest plugin fails the case with it. Anything else that
    is raised is a defect of ours and keeps its traceback.
    """
