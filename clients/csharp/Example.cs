// Example.exe ap.dcm lat.dcm calibration.json: reconstruct a pair, print its quality, save the scene.
using System;
using System.IO;
using System.Net.Http;
using System.Threading.Tasks;
using Lumbar3d;

public static class Example
{
    public static int Main(string[] files)
    {
        return Run(files).GetAwaiter().GetResult();
    }

    private static async Task<int> Run(string[] files)
    {
        var http = new HttpClient();
        http.DefaultRequestHeaders.Add("Authorization", "Bearer " + Environment.GetEnvironmentVariable("LUMBAR3D_API_KEY"));
        var client = new Lumbar3dClient(http) { BaseUrl = Environment.GetEnvironmentVariable("LUMBAR3D_SERVER") };
        try
        {
            await Reconstruct(client, files[0], files[1], Lumbar3dClient.ReadCalibration(files[2]));
            return 0;
        }
        catch (ApiException<Problem> refused)
        {
            Console.Error.WriteLine(refused.Result.Code); // stable: docs/errors.md
            return 1;
        }
    }

    private static async Task Reconstruct(Lumbar3dClient client, string ap, string lat, Calibration calibration)
    {
        // The same key with the same films is the same job, however often it is sent.
        var key = Guid.NewGuid().ToString();
        var job = await client.SubmitAsync(
            key, Film(ap), Film(lat), calibration, new ReconstructOptions(), reference: "ACC-2026-0815");
        while (job.State == JobState.Queued || job.State == JobState.Running)
        {
            await Task.Delay(500);
            job = await client.LookAsync(job.Id);
        }
        if (job.State != JobState.Succeeded) throw new Exception(job.State + ": " + job.Error?.Code);
        var result = await client.ResultAsync(job.Id);
        Console.WriteLine($"{job.Id} {result.Quality} {result.Measurements.Count} measurements, {job.Reference}");
        using (var scene = await client.SceneAsync(job.Id))
        using (var file = File.Create("spine.glb")) await scene.Stream.CopyToAsync(file);
    }

    private static FileParameter Film(string path) { return new FileParameter(File.OpenRead(path)); }
}
