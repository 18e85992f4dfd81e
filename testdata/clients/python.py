"""Python's smtplib: picks the mechanism itself. VERSION is "checked" for one
that is given ssl.create_default_context(); without it no certificate is checked."""
import os
import smtplib
import ssl
import sys

if sys.argv[1:] == ["version"]:
    print("Python", sys.version.split()[0])
    sys.exit()
host, port, name = os.environ["HOST"], int(os.environ["PORT"]), "client.contoso.example"
context = ssl.create_default_context() if os.environ["VERSION"] == "checked" else None
if context and os.environ["CERT"] == "any":
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
if os.environ["TLS"] == "implicit":
    s = smtplib.SMTP_SSL(host, port, local_hostname=name, context=context)
else:
    s = smtplib.SMTP(host, port, local_hostname=name)
if os.environ["TLS"] == "starttls":
    s.starttls(context=context)
s.login(os.environ["ACCOUNT"], os.environ["PASSWORD"])
s.sendmail(os.environ["ACCOUNT"], [os.environ["RECIPIENT"]], sys.stdin.read())
s.quit()
