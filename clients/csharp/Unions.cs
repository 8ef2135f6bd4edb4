// Of what may be one of several kinds NSwag makes the first kind. Here that one stands for all: its JSON is kept as it is.
using System;
using System.IO;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Lumbar3d
{
    public interface IOneOfSeveral { JObject Json { get; set; } }

    /// A view of a calibration: by matrix, geometry or slot.
    public sealed class AnyView : MatrixView, IOneOfSeveral { public JObject Json { get; set; } }

    /// An edit of a revision, whatever it does.
    public sealed class AnyEdit : SetLandmark, IOneOfSeveral { public JObject Json { get; set; } }

    public partial class Lumbar3dClient
    {
        public static Calibration ReadCalibration(string path)
        {
            return JsonConvert.DeserializeObject<Calibration>(File.ReadAllText(path), CreateSerializerSettings());
        }

        static partial void UpdateJsonSerializerSettings(JsonSerializerSettings settings)
        {
            settings.Converters.Add(new Kinds());
        }

        private sealed class Kinds : JsonConverter
        {
            public override bool CanConvert(Type type)
            {
                return typeof(MatrixView).IsAssignableFrom(type) || typeof(SetLandmark).IsAssignableFrom(type);
            }

            public override object ReadJson(JsonReader reader, Type type, object value, JsonSerializer serializer)
            {
                var json = JObject.Load(reader);
                if (typeof(MatrixView).IsAssignableFrom(type)) return new AnyView { Json = json };
                return new AnyEdit { Json = json };
            }

            public override void WriteJson(JsonWriter writer, object value, JsonSerializer serializer)
            {
                var several = value as IOneOfSeveral;
                (several == null ? JObject.FromObject(value) : several.Json).WriteTo(writer);
            }
        }
    }
}
