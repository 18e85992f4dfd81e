import java.util.Properties;
import javax.mail.Message;
import javax.mail.Session;
import javax.mail.Transport;
import javax.mail.internet.InternetAddress;
import javax.mail.internet.MimeMessage;

/** javax.mail with mail.smtp.auth, as Java applications send. It picks the mechanism. */
public class JavaMail {
    public static void main(String[] args) throws Exception {
        if (args.length == 1 && args[0].equals("version")) {
            System.out.println("javax.mail " + Session.class.getPackage().getImplementationVersion());
            return;
        }
        String scheme = env("TLS").equals("implicit") ? "smtps" : "smtp";
        Properties p = new Properties();
        p.put("mail.transport.protocol", scheme);
        p.put("mail." + scheme + ".auth", "true");
        p.put("mail." + scheme + ".localhost", "client.contoso.example");
        if (env("TLS").equals("starttls")) {
            p.put("mail.smtp.starttls.enable", "true");
        }
        if (env("CERT").equals("any")) {
            p.put("mail." + scheme + ".ssl.trust", "*");
        }
        Session session = Session.getInstance(p);
        MimeMessage message = new MimeMessage(session, System.in);
        message.setRecipient(Message.RecipientType.TO, new InternetAddress(env("RECIPIENT")));
        message.saveChanges();
        try (Transport t = session.getTransport()) {
            t.connect(env("HOST"), Integer.parseInt(env("PORT")), env("ACCOUNT"), env("PASSWORD"));
            t.sendMessage(message, message.getAllRecipients());
        }
    }

    private static String env(String name) {
        return System.getenv(name);
    }
}
