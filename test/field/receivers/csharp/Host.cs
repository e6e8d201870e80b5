// Stands for ASP.NET Core, which the tests cannot install: hands each request to the check of the page.
using System;
using System.IO;
using System.Net;

public static class Host
{
    public static void Main()
    {
        var listener = new HttpListener();
        listener.Prefixes.Add("http://127.0.0.1:" + Environment.GetEnvironmentVariable("PORT") + "/");
        listener.Start();
        while (true)
        {
            var context = listener.GetContext();
            using (var body = new MemoryStream())
            {
                context.Request.InputStream.CopyTo(body);
                var isGenuine = SivoSignature.IsFromSivo(body.ToArray(), name => context.Request.Headers[name]);
                context.Response.StatusCode = isGenuine ? 204 : 401;
                context.Response.Close();
            }
        }
    }
}
